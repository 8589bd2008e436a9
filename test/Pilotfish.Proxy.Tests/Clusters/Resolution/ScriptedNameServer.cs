using System.Buffers.Binary;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tests.Clusters.Resolution;

/// <summary>A name server on a loopback port whose answers, true and forged, a test writes.</summary>
internal sealed class ScriptedNameServer : IDisposable
{
    private readonly DatagramSocket _socket;
    private readonly ListenSocket _listener;

    public ScriptedNameServer(EventLoop loop)
    {
        // TCP and UDP under one port: tried until both are free.
        while (true)
        {
            _listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
            if (DatagramSocket.TryBind(loop, _listener.LocalAddress, false, out DatagramSocket? socket) == IoError.None)
            {
                _socket = socket!;
                break;
            }

            _listener.Close();
        }

        ServeUdp();
        Transport.TestPeers.Serve(_listener, ServeTcpAsync);
    }

    public NetAddress Address => _listener.LocalAddress;

    /// <summary>Every question that came, with its transport.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>The datagrams sent for a question, in order; none means silence.</summary>
    public Func<DnsMessage, IEnumerable<byte[]>> Udp { get; set; } = static _ => [];

    public Func<DnsMessage, DnsMessage?> Tcp { get; set; } = static _ => null;

    /// <summary>Answers every question with these records.</summary>
    public void Answer(params DnsRecord[] records) =>
        Udp = query => [(query.Reply(DnsResponseCode.NOERROR) with { Answers = records }).ToBytes()];

    public void Refuse(DnsResponseCode code) => Udp = query => [query.Reply(code).ToBytes()];

    public void Dispose()
    {
        _socket.Close();
        _listener.Close();
    }

    private async void ServeUdp()
    {
        byte[] buffer = new byte[DnsMessage.BytesMax];
        while (true)
        {
            DatagramResult received = await _socket.ReceiveFromAsync(buffer);
            if (received.Error != IoError.None)
            {
                return;
            }

            Assert.True(DnsMessage.TryParse(buffer.AsSpan(0, received.Bytes), out DnsMessage? query, out _));
            Asked.Add($"udp {query.Questions[0].Type} {query.Questions[0].Name}");
            foreach (byte[] datagram in Udp(query))
            {
                _socket.TrySendTo(datagram, received.From);
            }
        }
    }

    private async Task ServeTcpAsync(SocketStream stream)
    {
        byte[] buffer = new byte[DnsMessage.BytesMax];
        IoResult received = await stream.ReceiveAsync(buffer);
        Assert.True(DnsMessage.TryParse(buffer.AsSpan(2, received.Bytes - 2), out DnsMessage? query, out _));
        Asked.Add($"tcp {query.Questions[0].Type} {query.Questions[0].Name}");
        if (Tcp(query) is { } answer)
        {
            byte[] bytes = answer.ToBytes();
            byte[] length = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)bytes.Length);
            await stream.SendAsync(length, bytes);
        }

        stream.Close();
    }
}
