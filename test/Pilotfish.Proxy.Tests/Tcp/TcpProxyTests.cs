using System.Text;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tcp;

public sealed class TcpProxyTests
{
    [Fact]
    public void Connection_EchoUpstream_MovesBytesBothWaysAndHalfCloses() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket echo = TestPeers.Echo(loop);
        Assert.Empty(fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress)));
        Assert.Empty(fixture.Apply(TransportFixture.TcpListener("l", "c")));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("hello"u8.ToArray());
        Assert.Equal("hello", await TestPeers.ReceiveTextAsync(client, 5));
        client.ShutdownSend();
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("cluster.c.upstream_cx_active") == 0);
        Assert.Equal(5, fixture.Counter("tcp.t.downstream_cx_rx_bytes_total"));
        Assert.Equal(5, fixture.Counter("cluster.c.upstream_cx_rx_bytes_total"));
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_total"));
    });

    [Fact]
    public void Connection_ServerSpeaksFirst_ClientHearsItWithoutSending() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket greeter = TestPeers.Greeter(loop, "220 ready\r\n");
        fixture.Apply(TransportFixture.StaticCluster("c", greeter.LocalAddress));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.Equal("220 ready\r\n", await TestPeers.ReceiveTextAsync(client, 11));
        client.Close();
    });

    [Fact]
    public void Connection_ThroughMongoProxy_IsCountedAndPassedThrough() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket echo = TestPeers.Echo(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters.Insert(0, new Envoy.Config.Listener.V3.Filter
        {
            Name = "envoy.filters.network.mongo_proxy",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Network.MongoProxy.V3.MongoProxy { StatPrefix = "outbound|27017||m" }),
        });
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));

        await client.SendAsync("no BSON"u8.ToArray());

        Assert.Equal("no BSON", await TestPeers.ReceiveTextAsync(client, 7));
        Assert.Equal(1, fixture.Counter("mongo.outbound|27017||m.downstream_cx_total"));
        client.Close();
    });

    [Fact]
    public void Connection_LargeTransferWithSlowReader_ArrivesWhole() => LoopRunner.Run(async loop =>
    {
        const int Size = 3_000_000;
        var fixture = new TransportFixture(loop);
        ListenSocket sender = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(sender, async stream =>
        {
            await stream.SendAsync(new byte[Size]);
            stream.Close();
        });
        fixture.Apply(TransportFixture.StaticCluster("c", sender.LocalAddress));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        int total = 0;
        byte[] buffer = new byte[777];
        while (true)
        {
            IoResult result = await client.ReceiveAsync(buffer);
            if (!result.IsOk || result.IsEnd)
            {
                break;
            }

            total += result.Bytes;
        }

        Assert.Equal(Size, total);
    });

    /// <summary>Spliced, and copied where a filter looks at the bytes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Connection_UpstreamThatReadsLate_PausesItsClient_AndIsCounted(bool copied) => LoopRunner.Run(async loop =>
    {
        const int Size = 40_000_000;
        var fixture = new TransportFixture(loop);
        var mayRead = new TaskCompletionSource();
        long total = 0;
        ListenSocket receiver = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(receiver, async stream =>
        {
            await mayRead.Task;
            byte[] buffer = new byte[1_000_000];
            while (await stream.ReceiveAsync(buffer) is { IsOk: true, IsEnd: false } result)
            {
                total += result.Bytes;
            }

            stream.Close();
        });
        fixture.Apply(TransportFixture.StaticCluster("c", receiver.LocalAddress));
        Listener listener = TransportFixture.TcpListener("l", "c");
        if (copied)
        {
            fixture.Context.Extensions.Register<INetworkFilterFactory>(new WatchingFilterFactory());
            listener.FilterChains[0].Filters.Insert(0, new Envoy.Config.Listener.V3.Filter { Name = "watch", TypedConfig = Any.Pack(new BoolValue { Value = true }) });
        }

        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        ValueTask<IoResult> sending = client.SendAsync(new byte[Size]);
        await TestPeers.UntilAsync(loop, () => fixture.Counter("tcp.t.downstream_flow_control_paused_reading_total") > 0);
        Assert.Equal(0, fixture.Counter("tcp.t.downstream_flow_control_resumed_reading_total"));
        mayRead.SetResult();
        Assert.True((await sending).IsOk);
        client.ShutdownSend();
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(Size, total);
        Assert.Equal(
            fixture.Counter("tcp.t.downstream_flow_control_paused_reading_total"),
            fixture.Counter("tcp.t.downstream_flow_control_resumed_reading_total"));
        client.Close();
    });

    [Fact]
    public void Connection_ClusterMissing_IsClosed() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.TcpListener("l", "nowhere"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(1, fixture.Counter("tcp.t.downstream_cx_no_route"));
    });

    [Fact]
    public void Connection_UpstreamRefuses_IsClosedAndCounted() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket gone = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress dead = gone.LocalAddress;
        gone.Close();
        fixture.Apply(TransportFixture.StaticCluster("c", dead));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_connect_fail"));
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_connect_attempts_exceeded"));
        Assert.Equal(0, fixture.Gauge("cluster.c.upstream_cx_active"));
    });

    [Fact]
    public void Connection_NoEndpoints_IsClosed() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c"));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_none_healthy"));
    });

    [Fact]
    public void Connection_MaxConnectionsReached_IsRefusedUntilOneEnds() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket echo = TestPeers.Echo(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", echo.LocalAddress);
        cluster.CircuitBreakers = new CircuitBreakers { Thresholds = { new CircuitBreakers.Types.Thresholds { MaxConnections = 1 } } };
        fixture.Apply(cluster);
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream first = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await first.SendAsync("a"u8.ToArray());
        Assert.Equal("a", await TestPeers.ReceiveTextAsync(first, 1));
        SocketStream second = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(second)).IsEnd);
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_overflow"));
        first.Close();
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("cluster.c.upstream_cx_active") == 0);
        SocketStream third = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await third.SendAsync("b"u8.ToArray());
        Assert.Equal("b", await TestPeers.ReceiveTextAsync(third, 1));
        third.Close();
    });

    [Fact]
    public void Connection_IdleTooLong_IsClosed()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            ListenSocket echo = TestPeers.Echo(loop);
            fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
            Listener listener = TransportFixture.TcpListener("l", "c");
            listener.FilterChains[0].Filters[0] = TransportFixture.Tcp(
                "c", proxy => proxy.IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)));
            fixture.Apply(listener);
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await client.SendAsync("x"u8.ToArray());
            Assert.Equal("x", await TestPeers.ReceiveTextAsync(client, 1));
            clock.Advance(TimeSpan.FromSeconds(31));
            Assert.True((await TestPeers.EndAsync(client)).IsEnd);
            Assert.Equal(1, fixture.Counter("tcp.t.idle_timeout"));
        });
    }

    [Fact]
    public void Connection_WeightedClusters_SplitByWeight() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket a = TestPeers.Greeter(loop, "a");
        ListenSocket b = TestPeers.Greeter(loop, "b");
        fixture.Apply(TransportFixture.StaticCluster("a", a.LocalAddress), TransportFixture.StaticCluster("b", b.LocalAddress));
        var weighted = new Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.WeightedCluster();
        weighted.Clusters.Add(new Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.WeightedCluster.Types.ClusterWeight { Name = "a", Weight = 3 });
        weighted.Clusters.Add(new Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.WeightedCluster.Types.ClusterWeight { Name = "b", Weight = 1 });
        Listener listener = TransportFixture.TcpListener("l", "a");
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("a", proxy => proxy.WeightedClusters = weighted);
        fixture.Apply(listener);
        var heard = new StringBuilder();
        for (int i = 0; i < 200; i++)
        {
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            heard.Append(await TestPeers.ReceiveTextAsync(client, 1));
            client.Close();
        }

        int first = heard.ToString().Count(c => c == 'a');
        Assert.InRange(first, 120, 180);
    });

    [Fact]
    public void Connection_UpstreamResets_ClientIsReset() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket resetter = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(resetter, async stream =>
        {
            await stream.ReceiveAsync(new byte[1]);
            stream.Reset();
        });
        fixture.Apply(TransportFixture.StaticCluster("c", resetter.LocalAddress));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("x"u8.ToArray());
        Assert.Equal(IoError.ConnectionReset, (await TestPeers.EndAsync(client)).Error);
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.127.0.0.1_0.downstream_cx_active") == 0);
    });

    /// <summary>A filter that wants to see bytes, so that none can be spliced.</summary>
    private sealed class WatchingFilterFactory : INetworkFilterFactory
    {
        public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.BoolValue"];

        public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context) => new WatchingFilter();
    }

    private sealed class WatchingFilter : NetworkFilter
    {
        public override NetworkFilterSession? NewConnection(DownstreamConnection connection) => new Session();

        private sealed class Session : NetworkFilterSession
        {
            public override IByteStream Wrap(IByteStream stream) => new Watched(stream);
        }

        private sealed class Watched(IByteStream inner) : ObservedByteStream(inner)
        {
            protected override void OnReceived(ReadOnlySpan<byte> bytes, bool isEnd)
            {
            }

            protected override void OnSent(ReadOnlySpan<byte> bytes)
            {
            }
        }
    }
}
