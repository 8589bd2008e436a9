using System.Buffers.Binary;
using System.Security.Cryptography;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters.Resolution;

/// <summary>
/// One question to one server, over UDP with TCP for answers that do not fit, or over TCP alone. Each has a socket of its own:
/// with the random id, the random port is the protection against forged answers (RFC 5452). Loop-affine.
/// </summary>
internal static class DnsQuery
{
    private const int LengthPrefixBytes = 2;

    /// <summary>The server's answer, or null with one clause.</summary>
    public static async ValueTask<(DnsMessage? Answer, string? Failure)> AskAsync(
        EventLoop loop, DnsQuestion question, NetAddress server, long timeoutMilliseconds, bool overTcp)
    {
        var query = new DnsMessage
        {
            Id = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1),
            RecursionDesired = true,
            Questions = [question],
        };
        if (overTcp)
        {
            return await AskOverTcpAsync(loop, query, server, timeoutMilliseconds);
        }

        (DnsMessage? answer, string? failure) = await AskOverUdpAsync(loop, query, server, timeoutMilliseconds);
        return answer is { IsTruncated: true } ? await AskOverTcpAsync(loop, query, server, timeoutMilliseconds) : (answer, failure);
    }

    private static async ValueTask<(DnsMessage?, string?)> AskOverUdpAsync(
        EventLoop loop, DnsMessage query, NetAddress server, long timeoutMilliseconds)
    {
        NetAddress any = server.Kind == AddressFamilyKind.IPv6 ? NetAddress.IPv6(UInt128.Zero, 0) : NetAddress.IPv4(0, 0);
        IoError error = DatagramSocket.TryBind(loop, any, reusePort: false, out DatagramSocket? socket);
        if (error != IoError.None)
        {
            return (null, error.Describe());
        }

        var deadline = new LoopTimer(loop, static state => ((DatagramSocket)state!).CancelReceive(), socket);
        deadline.Schedule(timeoutMilliseconds);
        try
        {
            error = socket!.TrySendTo(query.ToBytes(), server);
            if (error != IoError.None)
            {
                return (null, error.Describe());
            }

            byte[] buffer = new byte[DnsMessage.UdpBytesDefault];
            while (true)
            {
                DatagramResult received = await socket.ReceiveFromAsync(buffer);
                if (received.Error != IoError.None)
                {
                    return (null, received.Error == IoError.Canceled ? "no answer in time" : received.Error.Describe());
                }

                // What is not the answer of this server to this question is somebody's guess; the true one may still come.
                if (received.From.Equals(server) && TryRead(buffer.AsSpan(0, received.Bytes), query, out DnsMessage? answer))
                {
                    return (answer, null);
                }
            }
        }
        finally
        {
            deadline.Cancel();
            socket!.Close();
        }
    }

    private static async ValueTask<(DnsMessage?, string?)> AskOverTcpAsync(
        EventLoop loop, DnsMessage query, NetAddress server, long timeoutMilliseconds)
    {
        SocketStream stream = SocketStream.Create(loop);
        var deadline = new LoopTimer(loop, static state => ((SocketStream)state!).Close(), stream);
        deadline.Schedule(timeoutMilliseconds);
        try
        {
            IoError error = await stream.ConnectAsync(server);
            if (error != IoError.None)
            {
                return (null, error == IoError.Closed ? "no answer in time" : error.Describe());
            }

            byte[] bytes = query.ToBytes();
            byte[] length = new byte[LengthPrefixBytes];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)bytes.Length);
            await stream.SendAsync(length, bytes);
            if (!await FillAsync(stream, length))
            {
                return (null, "the server closed the connection");
            }

            byte[] answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
            if (!await FillAsync(stream, answer))
            {
                return (null, "the server closed the connection inside its answer");
            }

            return TryRead(answer, query, out DnsMessage? message) ? (message, null) : (null, "the answer is not one to the question");
        }
        finally
        {
            deadline.Cancel();
            stream.Close();
        }
    }

    private static async ValueTask<bool> FillAsync(SocketStream stream, Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            IoResult result = await stream.ReceiveAsync(buffer);
            if (!result.IsOk || result.IsEnd)
            {
                return false;
            }

            buffer = buffer[result.Bytes..];
        }

        return true;
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, DnsMessage query, out DnsMessage? answer) =>
        DnsMessage.TryParse(bytes, out answer, out _) && answer.IsResponse && answer.Id == query.Id
        && answer.Questions.Count == 1 && answer.Questions[0].Type == query.Questions[0].Type
        && string.Equals(answer.Questions[0].Name, query.Questions[0].Name, StringComparison.OrdinalIgnoreCase);
}
