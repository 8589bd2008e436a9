using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Tunnels;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using TcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Tests.Tcp;

/// <summary>upstream_connect_mode and max_early_data_bytes: when the upstream is connected, and what is read before.</summary>
public sealed class EarlyDataTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(1024)]
    public void OnDownstreamData_ConnectsWhenTheClientHasSpoken(uint room) => Run(
        tcp => (tcp.UpstreamConnectMode, tcp.MaxEarlyDataBytes) = (UpstreamConnectMode.OnDownstreamData, room),
        async (fixture, upstream, client) =>
        {
            for (int turn = 0; turn < 50; turn++)
            {
                await client.Stream.Loop.YieldAsync();
            }

            Assert.Equal(0, fixture.Counter("cluster.c.upstream_cx_total"));
            await client.SendAsync("hello");
            TestClient server = await upstream.AcceptAsync();
            Assert.Equal("hello", await server.ReadBytesAsync(5));
            await client.SendAsync(" again");
            Assert.Equal(" again", await server.ReadBytesAsync(6));
            await server.SendAsync("answer");
            Assert.Equal("answer", await client.ReadBytesAsync(6));
            client.Stream.ShutdownSend();
            Assert.Equal("", await server.ReadToEndAsync());
            server.Stream.Close();
            Assert.Equal("", await client.ReadToEndAsync());
            Assert.Equal(11, fixture.Counter("tcp.t.downstream_cx_rx_bytes_total"));
            Assert.Equal(1, fixture.Counter("tcp.t.early_data_received_count_total"));
        });

    [Theory]
    [InlineData(UpstreamConnectMode.Immediate)]
    [InlineData(UpstreamConnectMode.OnDownstreamTlsHandshake)]
    public void OtherModes_ConnectAtOnce(UpstreamConnectMode mode) => Run(
        tcp => (tcp.UpstreamConnectMode, tcp.MaxEarlyDataBytes) = (mode, 64),
        async (_, upstream, client) =>
        {
            TestClient server = await upstream.AcceptAsync();
            await server.SendAsync("220 ready");
            Assert.Equal("220 ready", await client.ReadBytesAsync(9));
            await client.SendAsync("hello");
            Assert.Equal("hello", await server.ReadBytesAsync(5));
        });

    [Fact]
    public void ClientThatSaysNothing_CausesNoConnection() => Run(
        static tcp => (tcp.UpstreamConnectMode, tcp.MaxEarlyDataBytes) = (UpstreamConnectMode.OnDownstreamData, 64),
        async (fixture, _, client) =>
        {
            client.Stream.ShutdownSend();
            Assert.Equal("", await client.ReadToEndAsync());
            await client.Stream.Loop.UntilAsync(() => fixture.Records.Count == 1);
            Assert.Equal("TcpConnectionEnd 0 0 DC", fixture.Records[0]);
            Assert.Equal(0, fixture.Counter("cluster.c.upstream_cx_total"));
        });

    [Fact]
    public void ClientThatSaysNothing_IsClosedAfterTheIdleTimeout()
    {
        var clock = new ManualLoopClock();
        Run(
            static tcp =>
            {
                (tcp.UpstreamConnectMode, tcp.MaxEarlyDataBytes) = (UpstreamConnectMode.OnDownstreamData, 64);
                tcp.IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(5));
            },
            async (fixture, _, client) =>
            {
                await client.Stream.Loop.UntilAsync(() => fixture.Counter("tcp.t.downstream_cx_total") == 1);
                clock.Advance(TimeSpan.FromSeconds(6));
                Assert.Equal("", await client.ReadToEndAsync());
                Assert.Equal(1, fixture.Counter("tcp.t.idle_timeout"));
            },
            clock);
    }

    /// <summary>A client that has said everything before its tunnel stands is heard in full, its end included.</summary>
    [Fact]
    public void EverythingSaidEarly_GoesThroughTheTunnelWithItsEnd() => TunnelTests.Run(
        http2: true,
        async bench =>
        {
            TestClient client = await bench.ConnectAsync();
            await client.SendAsync("all of it");
            client.Stream.ShutdownSend();
            (Http2.Http2Peer server, int id, _) = await bench.Accept2Async();
            await server.HeadersAsync(id, end: false, (":status", "200"));
            Assert.Equal("all of it", await server.ReadBodyAsync());
            await server.DataAsync(id, "answer", end: true);
            Assert.Equal("answer", await client.ReadToEndAsync());
        },
        static tcp => tcp.MaxEarlyDataBytes = 4);

    [Fact]
    public void ClientThatResetsWhileItsTunnelOpens_IsNoticed() => TunnelTests.Run(
        http2: true,
        async bench =>
        {
            TestClient client = await bench.ConnectAsync();
            await client.SendAsync("x");
            (Http2.Http2Peer server, _, _) = await bench.Accept2Async();
            client.Stream.Reset();
            Assert.Equal(Pilotfish.Proxy.Http2.Frames.Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        },
        static tcp => tcp.MaxEarlyDataBytes = 1024);

    private static void Run(
        Action<TcpProxy> configure, Func<TransportFixture, TestUpstream, TestClient, Task> body, ManualLoopClock? clock = null)
    {
        async Task RunAsync(EventLoop loop)
        {
            var fixture = new TransportFixture(loop);
            using var upstream = new TestUpstream(loop);
            Assert.Empty(fixture.Apply(TransportFixture.StaticCluster("c", upstream.Address)));
            Listener listener = TransportFixture.TcpListener("l", "c");
            listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", tcp =>
            {
                tcp.AccessLog.Add(new Envoy.Config.Accesslog.V3.AccessLog { Name = "record", TypedConfig = Any.Pack(new StringValue()) });
                configure(tcp);
            });
            Assert.Empty(fixture.Apply(listener));
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await body(fixture, upstream, new TestClient(client));
        }

        if (clock is null)
        {
            LoopRunner.Run(RunAsync);
        }
        else
        {
            LoopRunner.Run(clock, RunAsync);
        }
    }
}
