using System.Buffers.Binary;
using Istio.Networking.Nds.V1;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Dns;

/// <summary>
/// The pod's DNS server: names of the mesh are answered from the table that the control plane pushed, everything else goes
/// to the servers that the pod had before. Lives on the main loop.
/// </summary>
public sealed class DnsProxy : IDisposable
{
    /// <summary>TCP clients at once; resolvers use TCP for truncated answers alone, so a pod needs a few.</summary>
    private const int TcpConnectionsMax = 64;

    /// <summary>A TCP client that asks nothing for this long is closed, RFC 7766 section 6.2.3.</summary>
    private const long TcpIdleMilliseconds = 10_000;

    /// <summary>
    /// Tries to find one free port for both protocols when none was asked for: the system chooses the UDP port without a
    /// look at TCP, where a short-lived connection may hold the number. Ten misses in a row mean that no port is left.
    /// </summary>
    private const int PortChoicesMax = 10;

    private readonly EventLoop _loop;
    private readonly DnsProxyOptions _options;
    private readonly UpstreamResolver _upstream;
    private readonly Random _random = new();
    private readonly List<DatagramSocket> _datagrams = [];
    private readonly List<ListenSocket> _listeners = [];
    private int _tcpConnections;
    private NameTableIndex? _table;

    public DnsProxy(EventLoop loop, DnsProxyOptions options)
    {
        _loop = loop;
        _options = options;
        _upstream = new UpstreamResolver(loop, options.Resolver.Servers, options.UpstreamTimeout, options.ForwardInParallel);
    }

    /// <summary>Whether a table has come; the pod is not ready before.</summary>
    public bool IsReady => _table is not null;

    /// <summary>The last table as it came, for /debug/ndsz.</summary>
    public NameTable? Table { get; private set; }

    public long RequestCount { get; private set; }

    public long UpstreamRequestCount { get; private set; }

    public long FailureCount { get; private set; }

    /// <summary>Serves an address over UDP and TCP; port 0 chooses one port for both, told by the result.</summary>
    public IoError Listen(NetAddress address, out NetAddress bound)
    {
        IoError error = TryListenOnBoth(address, out bound);
        for (int choices = 1; error == IoError.AddressInUse && address.Port == 0 && choices < PortChoicesMax; choices++)
        {
            error = TryListenOnBoth(address, out bound);
        }

        return error;
    }

    public void Update(NameTable table)
    {
        Table = table;
        _table = NameTableIndex.Build(
            table, _options.ProxyNamespace, _options.ProxyDomain, _options.Resolver.SearchDomains);
    }

    public void Dispose()
    {
        _datagrams.ForEach(d => d.Close());
        _listeners.ForEach(l => l.Close());
    }

    private IoError TryListenOnBoth(NetAddress address, out NetAddress bound)
    {
        bound = default;
        IoError error = DatagramSocket.TryBind(_loop, address, reusePort: false, out DatagramSocket? datagrams);
        if (error != IoError.None)
        {
            return error;
        }

        NetAddress chosen = datagrams!.LocalAddress;
        error = ListenSocket.TryListen(_loop, chosen, ListenSocketOptions.Default, out ListenSocket? listener);
        if (error != IoError.None)
        {
            datagrams.Close();
            return error;
        }

        bound = chosen;
        _datagrams.Add(datagrams);
        _listeners.Add(listener!);
        _ = ServeDatagramsAsync(datagrams);
        _ = AcceptAsync(listener!);
        return IoError.None;
    }

    private async Task ServeDatagramsAsync(DatagramSocket socket)
    {
        byte[] buffer = new byte[DnsMessage.BytesMax];
        while (true)
        {
            DatagramResult received = await socket.ReceiveFromAsync(buffer);
            if (received.Error is IoError.Closed or IoError.Canceled)
            {
                return;
            }

            if (received.Error == IoError.None)
            {
                _ = AnswerDatagramAsync(socket, buffer[..received.Bytes], received.From);
            }
        }
    }

    private async Task AnswerDatagramAsync(DatagramSocket socket, byte[] query, NetAddress from)
    {
        if (await AnswerAsync(query, overTcp: false) is { } answer)
        {
            socket.TrySendTo(answer, from);
        }
    }

    private async Task AcceptAsync(ListenSocket listener)
    {
        while (true)
        {
            AcceptResult accepted = await listener.AcceptAsync();
            if (accepted.Error == IoError.Closed)
            {
                return;
            }

            if (accepted.Stream is { } stream)
            {
                _ = ServeStreamAsync(stream);
            }
        }
    }

    private async Task ServeStreamAsync(SocketStream stream)
    {
        var idle = new LoopTimer(_loop, static state => ((SocketStream)state!).Close(), stream);
        _tcpConnections++;
        try
        {
            while (_tcpConnections <= TcpConnectionsMax)
            {
                idle.Schedule(TcpIdleMilliseconds);
                byte[]? query = await DnsFraming.ReadAsync(stream);
                idle.Cancel();
                byte[]? answer = query is null ? null : await AnswerAsync(query, overTcp: true);
                if (answer is null)
                {
                    return;
                }

                byte[] length = new byte[2];
                BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
                if (!(await stream.SendAsync(length, answer)).IsOk)
                {
                    return;
                }
            }
        }
        finally
        {
            _tcpConnections--;
            idle.Cancel();
            stream.Close();
        }
    }

    /// <summary>Null for bytes that are no query: those get no answer, or two servers could keep each other busy.</summary>
    private async ValueTask<byte[]?> AnswerAsync(byte[] bytes, bool overTcp)
    {
        if (!DnsMessage.TryParse(bytes, out DnsMessage? query, out string? problem) || query.IsResponse)
        {
            Log.Debug(LogComponent.Dns, $"a datagram is no DNS query: {problem ?? "it is a response"}");
            return null;
        }

        RequestCount++;
        int bytesMax = overTcp
            ? DnsMessage.BytesMax
            : Math.Max((int?)query.UdpBytesOffered ?? 0, DnsMessage.UdpBytesDefault);
        if (query.Questions.Count == 0 || (_table is null && !_options.AnswerBeforeTable))
        {
            return query.Reply(DnsResponseCode.SERVFAIL).ToBytes(bytesMax);
        }

        if (_table is { } table && table.TryAnswer(query.Questions[0], _random, out IReadOnlyList<DnsRecord> answers))
        {
            DnsMessage reply = query.Reply(DnsResponseCode.NOERROR) with { IsAuthoritative = true, Answers = answers };
            return reply.ToBytes(bytesMax);
        }

        UpstreamRequestCount++;
        byte[]? forwarded = await _upstream.AskAsync(bytes, overTcp);
        if (forwarded is null)
        {
            FailureCount++;
            return query.Reply(DnsResponseCode.SERVFAIL).ToBytes(bytesMax);
        }

        return forwarded.Length <= bytesMax ? forwarded : Truncated(query, bytesMax);
    }

    /// <summary>The server's answer is larger than the client takes: it comes back over TCP.</summary>
    private static byte[] Truncated(DnsMessage query, int bytesMax) =>
        (query.Reply(DnsResponseCode.NOERROR) with { IsTruncated = true, RecursionAvailable = true }).ToBytes(bytesMax);
}
