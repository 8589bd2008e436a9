using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Envoy.Extensions.Filters.Listener.ProxyProtocol.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using ListenerFilter = Envoy.Config.Listener.V3.ListenerFilter;

namespace Pilotfish.Proxy.Tests.Listeners;

public sealed class ListenerDirectoryTests
{
    [Fact]
    public void Listener_UnknownFilterType_IsRejectedByName() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters[0].TypedConfig = new Any { TypeUrl = "type.googleapis.com/a.b.Strange" };
        RejectedResource rejected = Assert.Single(fixture.Apply(listener));
        Assert.Equal("l", rejected.Name);
        Assert.Contains("a.b.Strange", rejected.Reason, StringComparison.Ordinal);
        Assert.Contains("filter_chains[0].filters[0]", rejected.Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Listener_AddressTaken_IsRejectedAndTheOthersApply() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket holder = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocket greeter = TestPeers.Greeter(loop, "hi");
        fixture.Apply(TransportFixture.StaticCluster("c", greeter.LocalAddress));
        RejectedResource rejected = Assert.Single(fixture.Apply(
            TransportFixture.TcpListener("taken", "c", holder.LocalAddress), TransportFixture.TcpListener("free", "c")));
        Assert.Equal("taken", rejected.Name);
        Assert.Contains("cannot bind", rejected.Reason, StringComparison.Ordinal);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("free"));
        Assert.Equal("hi", await TestPeers.ReceiveTextAsync(client, 2));
        client.Close();
    });

    /// <summary>Closing it would reset a client whose handshake with it is under way.</summary>
    [Fact]
    public void Listener_SocketThatProvedTheAddress_ServesOn() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket greeter = TestPeers.Greeter(loop, "hi");
        fixture.Apply(TransportFixture.StaticCluster("c", greeter.LocalAddress));
        Assert.Empty(fixture.Apply(TransportFixture.TcpListener("l", "c")));
        string[] before = ListeningInodes(fixture.AddressOf("l"));
        Assert.Single(before);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.Equal("hi", await TestPeers.ReceiveTextAsync(client, 2));
        Assert.Equal(before, ListeningInodes(fixture.AddressOf("l")));
        client.Close();
        greeter.Close();
    });

    [Fact]
    public void Listeners_SameAddress_SecondIsRejected() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener first = TransportFixture.TcpListener("a", "c", NetAddress.Parse("10.96.0.1:80"));
        Listener second = TransportFixture.TcpListener("b", "c", NetAddress.Parse("10.96.0.1:80"));
        first.BindToPort = false;
        second.BindToPort = false;
        RejectedResource rejected = Assert.Single(fixture.Apply(first, second));
        Assert.Equal("b", rejected.Name);
        Assert.Contains("10.96.0.1:80", rejected.Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Update_ChainUnchanged_KeepsConnections_ChainChanged_Drains()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop, new DrainOptions { Milliseconds = 45_000, Strategy = DrainStrategy.Immediate });
            ListenSocket echo = TestPeers.Echo(loop);
            fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
            Listener listener = TransportFixture.TcpListener("l", "c");
            fixture.Apply(listener);
            NetAddress address = fixture.AddressOf("l");
            SocketStream client = await TestPeers.ConnectAsync(loop, address);
            await ExchangeAsync(client);

            listener.TrafficDirection = Envoy.Config.Core.V3.TrafficDirection.Outbound;
            Assert.Empty(fixture.Apply(listener));
            Assert.Equal(address, fixture.AddressOf("l"));
            clock.Advance(TimeSpan.FromMinutes(2));
            await ExchangeAsync(client);

            listener.FilterChains[0] = TransportFixture.Chain("other", "c");
            fixture.Apply(listener);
            SocketStream late = await TestPeers.ConnectAsync(loop, address);
            await ExchangeAsync(client);
            await ExchangeAsync(late);
            Assert.Equal(1, fixture.Gauge("listener_manager.total_filter_chains_draining"));
            clock.Advance(TimeSpan.FromSeconds(46));
            Assert.True((await TestPeers.EndAsync(client)).IsEnd);
            await ExchangeAsync(late);
            Assert.Equal(0, fixture.Gauge("listener_manager.total_filter_chains_draining"));
            late.Close();
        });
    }

    [Fact]
    public void Removal_StopsListeningAndDrains()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop, new DrainOptions { Milliseconds = 1000, Strategy = DrainStrategy.Immediate });
            ListenSocket echo = TestPeers.Echo(loop);
            fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
            fixture.Apply(TransportFixture.TcpListener("l", "c"));
            NetAddress address = fixture.AddressOf("l");
            SocketStream client = await TestPeers.ConnectAsync(loop, address);
            await ExchangeAsync(client);
            fixture.Listeners.Apply([], ["l"], []);
            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.Equal(IoError.ConnectionRefused, await SocketStream.Create(loop).ConnectAsync(address));
            await ExchangeAsync(client);
            clock.Advance(TimeSpan.FromSeconds(2));
            Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        });
    }

    [Fact]
    public void HandOff_ProxyProtocolDestination_ReachesExactThenWildcardListener() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket exact = TestPeers.Greeter(loop, "exact");
        ListenSocket wild = TestPeers.Greeter(loop, "wild.");
        ListenSocket fallback = TestPeers.Greeter(loop, "other");
        fixture.Apply(
            TransportFixture.StaticCluster("exact", exact.LocalAddress),
            TransportFixture.StaticCluster("wild", wild.LocalAddress),
            TransportFixture.StaticCluster("other", fallback.LocalAddress));
        Listener outbound = TransportFixture.TcpListener("virtualOutbound", "other");
        outbound.UseOriginalDst = true;
        outbound.ListenerFilters.Add(Filter(new Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol()));
        Listener vip = TransportFixture.TcpListener("10.96.0.9_80", "exact", NetAddress.Parse("10.96.0.9:80"));
        Listener port = TransportFixture.TcpListener("0.0.0.0_80", "wild", NetAddress.Parse("0.0.0.0:80"));
        vip.BindToPort = port.BindToPort = false;
        Assert.Empty(fixture.Apply(outbound, vip, port));
        NetAddress entry = fixture.AddressOf("virtualOutbound");
        Assert.Equal("exact", await DialAsync(loop, entry, "PROXY TCP4 127.0.0.1 10.96.0.9 1 80\r\n"));
        Assert.Equal("wild.", await DialAsync(loop, entry, "PROXY TCP4 127.0.0.1 10.96.0.7 1 80\r\n"));
        Assert.Equal("other", await DialAsync(loop, entry, "PROXY TCP4 127.0.0.1 10.96.0.7 1 81\r\n"));
    });

    [Fact]
    public void FilterChains_ByTlsHttpAndPlain_AreChosenFromTheFirstBytes() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        var names = new[] { "tls", "sni", "http", "plain" };
        foreach (string name in names)
        {
            fixture.Apply(TransportFixture.StaticCluster(name, TestPeers.Greeter(loop, name.PadRight(5)).LocalAddress));
        }

        Listener listener = TransportFixture.TcpListener("l", "plain");
        listener.FilterChains.Clear();
        listener.FilterChains.Add(TransportFixture.Chain("sni", "sni", new FilterChainMatch { ServerNames = { "*.example.com" } }));
        listener.FilterChains.Add(TransportFixture.Chain("tls", "tls", new FilterChainMatch { TransportProtocol = "tls" }));
        listener.FilterChains.Add(TransportFixture.Chain("http", "http",
            new FilterChainMatch { TransportProtocol = "raw_buffer", ApplicationProtocols = { "http/1.1", "h2c" } }));
        listener.DefaultFilterChain = TransportFixture.Chain("plain", "plain");
        listener.ListenerFilters.Add(Filter(new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector()));
        listener.ListenerFilters.Add(Filter(new Envoy.Extensions.Filters.Listener.HttpInspector.V3.HttpInspector()));
        Assert.Empty(fixture.Apply(listener));
        NetAddress address = fixture.AddressOf("l");
        Assert.Equal("sni  ", await DialAsync(loop, address, ClientHellos.Create("a.b.example.com", []), 1));
        Assert.Equal("tls  ", await DialAsync(loop, address, ClientHellos.Create("else", ["h2"]), 40));
        Assert.Equal("http ", await DialAsync(loop, address, "GET / HTTP/1.1\r\n"u8.ToArray(), 3));
        Assert.Equal("plain", await DialAsync(loop, address, "\0binary"u8.ToArray(), 100));
        await DialAsync(loop, address, "GET / HTTP/1.0\r\n"u8.ToArray(), 100);
        await DialAsync(loop, address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), 100);
        Assert.Equal((2, 4), (fixture.Counter("tls_inspector.tls_found"), fixture.Counter("tls_inspector.tls_not_found")));
        Assert.Equal((2, 0), (fixture.Counter("tls_inspector.sni_found"), fixture.Counter("tls_inspector.sni_not_found")));
        Assert.Equal((1, 1), (fixture.Counter("tls_inspector.alpn_found"), fixture.Counter("tls_inspector.alpn_not_found")));
        Assert.Equal((1, 1), (fixture.Counter("http_inspector.http10_found"), fixture.Counter("http_inspector.http11_found")));
        Assert.Equal((1, 1), (fixture.Counter("http_inspector.http2_found"), fixture.Counter("http_inspector.http_not_found")));
        Assert.True(fixture.Stats.TryFind("tls_inspector.bytes_processed", out Pilotfish.Proxy.Stats.StatEntry? processed));
        Assert.Equal(6, fixture.Stats.Snapshot(processed).Total);
    });

    [Fact]
    public void GlobalConnectionLimit_Reached_SparesListenersThatIgnoreIt() => LoopRunner.Run(async loop =>
    {
        var runtime = new RuntimeValues();
        runtime.Replace(new Dictionary<string, string> { ["overload.global_downstream_max_connections"] = "1" });
        var fixture = new TransportFixture(loop, limits: new ConnectionLimits(runtime));
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        Listener bound = TransportFixture.TcpListener("bound", "c");
        Listener free = TransportFixture.TcpListener("free", "c");
        (bound.StatPrefix, free.StatPrefix, free.IgnoreGlobalConnLimit) = ("bound", "free", true);
        Assert.Empty(fixture.Apply(bound, free));
        SocketStream first = await TestPeers.ConnectAsync(loop, fixture.AddressOf("bound"));
        await ExchangeAsync(first);
        SocketStream second = await TestPeers.ConnectAsync(loop, fixture.AddressOf("bound"));
        Assert.True((await TestPeers.EndAsync(second)).IsEnd);
        Assert.Equal(1, fixture.Counter("listener.bound.downstream_global_cx_overflow"));
        SocketStream third = await TestPeers.ConnectAsync(loop, fixture.AddressOf("free"));
        await ExchangeAsync(third);
        first.Close();
        second.Close();
        third.Close();
    });

    [Fact]
    public void Inspector_SilentClient_WaitsOnlyForTheTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            ListenSocket greeter = TestPeers.Greeter(loop, "220");
            fixture.Apply(TransportFixture.StaticCluster("c", greeter.LocalAddress));
            Listener listener = TransportFixture.TcpListener("l", "c");
            listener.ListenerFilters.Add(Filter(new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector()));
            listener.ListenerFiltersTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100));
            listener.ContinueOnListenerFiltersTimeout = true;
            fixture.Apply(listener);
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.127.0.0.1_0.downstream_pre_cx_active") == 1);
            clock.AdvanceMilliseconds(150);
            Assert.Equal("220", await TestPeers.ReceiveTextAsync(client, 3));
            Assert.Equal(1, fixture.Counter("listener.127.0.0.1_0.downstream_pre_cx_timeout"));
            client.Close();
        });
    }

    [Fact]
    public void Inspector_DisabledForPort_DoesNotWait() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket greeter = TestPeers.Greeter(loop, "220");
        fixture.Apply(TransportFixture.StaticCluster("c", greeter.LocalAddress));
        Listener listener = TransportFixture.TcpListener("l", "c");
        ListenerFilter filter = Filter(new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector());
        filter.FilterDisabled = new ListenerFilterChainMatchPredicate
        {
            DestinationPortRange = new Envoy.Type.V3.Int32Range { Start = 1, End = 65536 },
        };
        listener.ListenerFilters.Add(filter);
        fixture.Apply(listener);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.Equal("220", await TestPeers.ReceiveTextAsync(client, 3));
        client.Close();
    });

    [Fact]
    public void NoFilterChain_IsClosedAndCounted() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].FilterChainMatch = new FilterChainMatch { DestinationPort = 1 };
        listener.ListenerFilters.Add(Filter(new OriginalDst()));
        fixture.Apply(listener);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(1, fixture.Counter("listener.127.0.0.1_0.no_filter_chain_match"));
        Assert.Equal(0, fixture.Gauge("listener.127.0.0.1_0.downstream_cx_active"));
    });

    [Fact]
    public void ConnectionLimit_Reached_RefusesFurtherConnections() => LoopRunner.Run(async loop =>
    {
        var runtime = new RuntimeValues();
        runtime.Replace(new Dictionary<string, string> { ["envoy.resource_limits.listener.l.connection_limit"] = "1" });
        var fixture = new TransportFixture(loop, limits: new ConnectionLimits(runtime));
        ListenSocket echo = TestPeers.Echo(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        SocketStream first = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await ExchangeAsync(first);
        SocketStream second = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(second)).IsEnd);
        Assert.Equal(1, fixture.Counter("listener.127.0.0.1_0.downstream_cx_overflow"));

        // The limit is the runtime's: it changes for listeners that serve.
        runtime.Replace(new Dictionary<string, string>());
        SocketStream third = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await ExchangeAsync(third);
        third.Close();
        first.Close();
    });

    internal static ListenerFilter Filter(IMessage config) =>
        new() { Name = config.Descriptor.Name, TypedConfig = Any.Pack(config) };

    private static async Task ExchangeAsync(SocketStream client)
    {
        await client.SendAsync("x"u8.ToArray());
        Assert.Equal("x", await TestPeers.ReceiveTextAsync(client, 1));
    }

    private static Task<string> DialAsync(EventLoop loop, NetAddress address, string bytes) =>
        DialAsync(loop, address, System.Text.Encoding.ASCII.GetBytes(bytes), int.MaxValue);

    private static async Task<string> DialAsync(EventLoop loop, NetAddress address, byte[] bytes, int chunkBytes)
    {
        SocketStream client = await TestPeers.ConnectAsync(loop, address);
        for (int at = 0; at < bytes.Length; at += Math.Min(chunkBytes, bytes.Length))
        {
            await client.SendAsync(bytes.AsMemory(at, Math.Min(chunkBytes, bytes.Length - at)));
            await loop.YieldAsync();
        }

        string heard = await TestPeers.ReceiveTextAsync(client, 5);
        client.Close();
        return heard;
    }

    // proc(5): the fields of a line are sl, local address, remote address, state (0A: listening), ..., inode.
    private static string[] ListeningInodes(NetAddress address) =>
    [
        .. from line in File.ReadLines("/proc/self/net/tcp").Skip(1)
           let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
           where fields[1].EndsWith($":{address.Port:X4}", StringComparison.Ordinal) && fields[3] == "0A"
           select fields[9],
    ];
}
