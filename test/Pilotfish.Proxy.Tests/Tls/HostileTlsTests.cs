using System.Net.Security;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Peers that are slow, cut their bytes, or say what they should not. All of them end, each with its counter.</summary>
public sealed class HostileTlsTests
{
    [Fact]
    public void Handshake_BytesOneByOne_PassesInspectorAndServer() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Listener listener = TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual(), new FilterChainMatch { ServerNames = { "server.example" } }));
        listener.ListenerFilters.Add(TlsMessages.TlsInspector());
        NetAddress address = bench.Apply(listener);
        SocketStream socket = await TestPeers.ConnectAsync(loop, address);
        var slow = new FaultyByteStream(socket, new FaultScript { SendBytesMax = 1 });
        TlsStream client = (await TlsClientStream.ConnectAsync(slow, TlsBench.Client())).Stream!;
        Assert.True(await TlsBench.EchoesAsync(client));
        client.Close();
    });

    [Fact]
    public void Handshake_ClientSaysNothing_EndsAtTheTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new TlsBench(loop);
            FilterChain chain = TlsMessages.Chain("t", "c", TlsBench.Mutual());
            chain.TransportSocketConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(3));
            NetAddress address = bench.Apply(TlsMessages.Listener("l", chain));
            SocketStream silent = await TestPeers.ConnectAsync(loop, address);
            await TestPeers.UntilAsync(loop, () => bench.Fixture.Gauge("listener.l.downstream_cx_active") == 1);
            clock.Advance(TimeSpan.FromSeconds(2.5));
            await loop.YieldAsync();
            Assert.Equal(1, bench.Fixture.Gauge("listener.l.downstream_cx_active"));
            clock.Advance(TimeSpan.FromSeconds(1));
            await TestPeers.UntilAsync(loop, () => bench.Fixture.Gauge("listener.l.downstream_cx_active") == 0);
            Assert.Equal(1, bench.Stat("l", "downstream_cx_transport_socket_connect_timeout"));
            Assert.Equal(0, bench.Stat("l", "ssl.connection_error"));
            silent.Close();
        });
    }

    [Fact]
    public void Handshake_ClientLeavesInTheMiddle_CountsNoTlsError() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        SocketStream socket = await TestPeers.ConnectAsync(loop, address);
        await socket.SendAsync(new byte[] { 22, 3, 1, 2, 0, 1 });
        socket.Close();
        await TestPeers.UntilAsync(loop, () => bench.Stat("l", "downstream_cx_destroy") == 1);
        Assert.Equal(0, bench.Stat("l", "ssl.connection_error"));
    });

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\x16\x03\x01\xff\xff\x01 nothing of the kind")]
    [InlineData("\x15\x03\x01\x00\x02\x02\x28")]
    [InlineData("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10 an SSLv2 hello")]
    public void Handshake_NoTls_EndsWithAConnectionError(string sent) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        SocketStream socket = await TestPeers.ConnectAsync(loop, address);
        await socket.SendAsync(System.Text.Encoding.Latin1.GetBytes(sent));
        socket.ShutdownSend();
        await TestPeers.UntilAsync(loop, () => bench.Stat("l", "downstream_cx_destroy") == 1);
        Assert.Equal(0, bench.Stat("l", "ssl.handshake"));
        Assert.InRange(bench.Stat("l", "ssl.connection_error"), 0, 1);
        socket.Close();
    });

    [Fact]
    public void Session_JunkAfterCloseNotify_EndsWithoutReachingTheUpstream() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        SocketStream socket = await TestPeers.ConnectAsync(loop, address);
        using var client = new SslStream(new ByteStreamAdapter(socket), leaveInnerStreamOpen: true);
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "server.example",
            ClientCertificateContext = TlsBench.Mesh.Identity(TlsBench.ClientUri),
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        });
        await client.WriteAsync("ping"u8.ToArray());
        Assert.Equal(4, await client.ReadAtLeastAsync(new byte[4], 4));

        // close_notify, then bytes of no record on the same connection.
        await client.ShutdownAsync();
        socket.TrySend("junk after the end of the session, not a record at all"u8);
        await TestPeers.UntilAsync(loop, () => bench.Stat("l", "downstream_cx_destroy") == 1);
        Assert.Equal(4, bench.Fixture.Counter("tcp.t.downstream_cx_rx_bytes_total"));
        socket.Close();
    });

    [Fact]
    public void Session_GarbageRecord_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        SocketStream socket = await TestPeers.ConnectAsync(loop, address);
        TlsStream client = (await TlsClientStream.ConnectAsync(socket, TlsBench.Client())).Stream!;
        Assert.True(await TlsBench.EchoesAsync(client));
        socket.TrySend([23, 3, 3, 0, 32, .. new byte[32]]);
        await TestPeers.UntilAsync(loop, () => bench.Stat("l", "downstream_cx_destroy") == 1);
        Assert.Equal(4, bench.Fixture.Counter("tcp.t.downstream_cx_rx_bytes_total"));
        socket.Close();
    });

    [Fact]
    public void Flood_OfHandshakesThatStop_LeavesHealthyClientsAlone() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        var stuck = new List<SocketStream>();
        for (int i = 0; i < 200; i++)
        {
            SocketStream socket = await TestPeers.ConnectAsync(loop, address);
            socket.TrySend([22, 3, 1, 2, 0, 1]);
            stuck.Add(socket);
        }

        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));
        stuck.ForEach(static socket => socket.Close());
        await TestPeers.UntilAsync(loop, () => bench.Fixture.Gauge("listener.l.downstream_cx_active") == 0);
        Assert.Equal(0, loop.Buffers.RentedCount);
    });
}
