using System.Buffers.Binary;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Dns;

/// <summary>
/// Hands questions that the mesh cannot answer to the servers of resolv.conf, over the protocol that the client used.
/// Each question has a socket of its own: its random port is the protection against forged answers. Loop-affine.
/// </summary>
internal sealed class UpstreamResolver(EventLoop loop, IReadOnlyList<NetAddress> servers, TimeSpan timeout, bool parallel)
{
    /// <summary>Questions under way at once. Each costs a socket; beyond this the pod asks faster than any server answers.</summary>
    public const int QuestionsMax = 512;

    private readonly Random _random = new();
    private int _underWay;

    /// <summary>The answer's bytes, or null where no server gave one in time.</summary>
    public async ValueTask<byte[]?> AskAsync(ReadOnlyMemory<byte> query, bool overTcp)
    {
        if (servers.Count == 0 || _underWay >= QuestionsMax)
        {
            return null;
        }

        _underWay++;
        try
        {
            NetAddress[] order = [.. servers];
            _random.Shuffle(order);
            return parallel ? await FirstAsync(query, order, overTcp) : await OneAfterTheOtherAsync(query, order, overTcp);
        }
        finally
        {
            _underWay--;
        }
    }

    private async ValueTask<byte[]?> OneAfterTheOtherAsync(ReadOnlyMemory<byte> query, NetAddress[] order, bool overTcp)
    {
        foreach (NetAddress server in order)
        {
            if (await AskOneAsync(query, server, overTcp) is { } answer)
            {
                return answer;
            }

            Log.Debug(LogComponent.Dns, $"the name server {server} gave no answer");
        }

        return null;
    }

    private async ValueTask<byte[]?> FirstAsync(ReadOnlyMemory<byte> query, NetAddress[] order, bool overTcp)
    {
        List<Task<byte[]?>> asked = [.. order.Select(server => AskOneAsync(query, server, overTcp))];
        while (asked.Count > 0)
        {
            Task<byte[]?> done = await Task.WhenAny(asked);
            asked.Remove(done);
            if (await done is { } answer)
            {
                return answer;
            }
        }

        return null;
    }

    private Task<byte[]?> AskOneAsync(ReadOnlyMemory<byte> query, NetAddress server, bool overTcp) =>
        overTcp ? AskOverTcpAsync(query, server) : AskOverUdpAsync(query, server);

    private async Task<byte[]?> AskOverUdpAsync(ReadOnlyMemory<byte> query, NetAddress server)
    {
        NetAddress any = server.Kind == AddressFamilyKind.IPv6 ? NetAddress.IPv6(UInt128.Zero, 0) : NetAddress.IPv4(0, 0);
        if (DatagramSocket.TryBind(loop, any, reusePort: false, out DatagramSocket? socket) != IoError.None)
        {
            return null;
        }

        var deadline = new LoopTimer(loop, static state => ((DatagramSocket)state!).Close(), socket);
        deadline.Schedule((long)timeout.TotalMilliseconds);
        try
        {
            if (socket!.TrySendTo(query.Span, server) != IoError.None)
            {
                return null;
            }

            byte[] buffer = new byte[DnsMessage.BytesMax];
            while (true)
            {
                DatagramResult received = await socket.ReceiveFromAsync(buffer);
                if (received.Error != IoError.None)
                {
                    return null;
                }

                // Whoever guesses the port still has to know server and id.
                if (received.From.Equals(server) && IsAnswerTo(query.Span, buffer.AsSpan(0, received.Bytes)))
                {
                    return buffer[..received.Bytes];
                }
            }
        }
        finally
        {
            deadline.Cancel();
            socket!.Close();
        }
    }

    private async Task<byte[]?> AskOverTcpAsync(ReadOnlyMemory<byte> query, NetAddress server)
    {
        SocketStream stream = SocketStream.Create(loop);
        var deadline = new LoopTimer(loop, static state => ((SocketStream)state!).Close(), stream);
        deadline.Schedule((long)timeout.TotalMilliseconds);
        try
        {
            if (await stream.ConnectAsync(server) != IoError.None)
            {
                return null;
            }

            byte[] length = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)query.Length);
            if (!(await stream.SendAsync(length, query)).IsOk)
            {
                return null;
            }

            byte[]? answer = await DnsFraming.ReadAsync(stream);
            return answer is not null && IsAnswerTo(query.Span, answer) ? answer : null;
        }
        finally
        {
            deadline.Cancel();
            stream.Close();
        }
    }

    private static bool IsAnswerTo(ReadOnlySpan<byte> query, ReadOnlySpan<byte> answer) =>
        answer.Length >= DnsMessage.HeaderBytes && answer[..2].SequenceEqual(query[..2]) && (answer[2] & 0x80) != 0;
}
