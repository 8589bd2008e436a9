using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Listener = Envoy.Config.Listener.V3.Listener;
using ListenerFilter = Envoy.Config.Listener.V3.ListenerFilter;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>config_discovery of network and listener filters: wait, default config, fail closed.</summary>
public sealed class EcdsListenerTests
{
    private static readonly Any s_tcp = Any.Pack(new TcpProxy { StatPrefix = "t", Cluster = "c" });
    private static readonly Any s_counting = Any.Pack(new Envoy.Extensions.Filters.Network.MongoProxy.V3.MongoProxy { StatPrefix = "m" });
    private static readonly Any s_proxyProtocol = Any.Pack(new Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol());

    [Fact]
    public void Listener_WaitsForTheFirstConfigs() => Run(fixture =>
    {
        Assert.Empty(fixture.Apply(Of(Source(s_counting), Source(s_tcp), Source(s_proxyProtocol))));
        Assert.False(fixture.Listeners.IsWarm);
        Push(fixture, "inner", s_counting);
        Push(fixture, "last", s_tcp);
        Assert.False(fixture.Listeners.IsWarm);
        Push(fixture, "look", s_proxyProtocol);
        Assert.True(fixture.Listeners.IsWarm);
        return ServesAsync(fixture, "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n");
    });

    [Theory]
    [InlineData("inner", "network_extension_config_missing", "NFCF")]
    [InlineData("last", "network_extension_config_missing", "NFCF")]
    [InlineData("look", "extension_config_missing", null)]
    public void FilterWithoutConfig_ClosesConnections(string missing, string counter, string? flags) => Run(async fixture =>
    {
        Listener listener = Of(
            missing == "inner" ? Source(s_counting) : null, missing == "last" ? Source(s_tcp) : null, missing == "look" ? Source(s_proxyProtocol) : null);
        listener.AccessLog.Add(new Envoy.Config.Accesslog.V3.AccessLog { Name = "record", TypedConfig = Any.Pack(new StringValue { Value = "%RESPONSE_FLAGS%" }) });
        Assert.Empty(fixture.Apply(listener));
        Assert.Single(fixture.Subscriptions.Subscribers, s => s.Name == missing).Consumer.OnInitialFetchTimeout(missing);
        Assert.True(fixture.Listeners.IsWarm);
        TestClient client = await ConnectAsync(fixture);
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(1, fixture.Counter("listener.l." + counter));
        if (flags is not null)
        {
            Assert.Single(fixture.Infos);
        }
    });

    [Fact]
    public void DefaultConfig_ServesAtOnce_AndAgainWhenTheConfigIsRemoved() => Run(async fixture =>
    {
        var source = new ExtensionConfigSource { DefaultConfig = s_tcp, ApplyDefaultConfigWithoutWarming = true, TypeUrls = { s_tcp.TypeUrl } };
        Assert.Empty(fixture.Apply(Of(null, source, null)));
        Assert.True(fixture.Listeners.IsWarm);
        await ServesAsync(fixture, "");
        Push(fixture, "last", Any.Pack(new TcpProxy { StatPrefix = "t", Cluster = "nowhere" }));
        Assert.Equal("", await (await ConnectAsync(fixture)).ReadToEndAsync());
        fixture.Subscriptions.Subscribers[0].Consumer.OnRemoved("last");
        await ServesAsync(fixture, "");
    });

    // A connection stays with the version that it began with.
    [Fact]
    public void NewVersion_IsForNewConnections() => Run(async fixture =>
    {
        Assert.Empty(fixture.Apply(Of(null, Source(s_tcp), null)));
        Push(fixture, "last", s_tcp);
        TestClient before = await ConnectAsync(fixture);
        await EchoesAsync(before, "");
        Push(fixture, "last", Any.Pack(new TcpProxy { StatPrefix = "t", Cluster = "nowhere" }));
        await EchoesAsync(before, "");
        Assert.Equal("", await (await ConnectAsync(fixture)).ReadToEndAsync());
    });

    [Fact]
    public void Configs_OfTheWrongKind_AreRefused_AndTheFormerStay() => Run(async fixture =>
    {
        Assert.Empty(fixture.Apply(Of(Source(), Source(), Source(s_proxyProtocol))));
        Push(fixture, "inner", s_counting);
        Push(fixture, "last", s_tcp);
        Push(fixture, "look", s_proxyProtocol);
        Assert.StartsWith("typed_config: ", Refused(fixture, "inner", s_tcp));
        Assert.StartsWith("typed_config: ", Refused(fixture, "last", s_counting));
        Assert.StartsWith("typed_config: type ", Refused(fixture, "look", s_tcp));
        Assert.Equal((1, 1), Discovery(fixture, "network_filter.inner"));
        Assert.Equal((1, 1), Discovery(fixture, "network_filter.last"));
        Assert.Equal((1, 1), Discovery(fixture, "tcp_listener_filter.look"));
        await ServesAsync(fixture, "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n");
    });

    private static (long Reload, long Fail) Discovery(TransportFixture fixture, string name)
    {
        Pilotfish.Proxy.Stats.StatScope scope = fixture.Context.Stats.Scope("extension_config_discovery." + name);
        return (fixture.Context.Stats.Value(scope.Counter("config_reload")), fixture.Context.Stats.Value(scope.Counter("config_fail")));
    }

    [Fact]
    public void Subscriptions_EndWithTheListener_AndWithItsVersions() => Run(fixture =>
    {
        Assert.Empty(fixture.Apply(Of(null, null, Source(s_proxyProtocol))));
        Push(fixture, "look", s_proxyProtocol);
        Listener changed = Of(null, null, Source(s_proxyProtocol));
        changed.ListenerFilters[0].FilterDisabled = new ListenerFilterChainMatchPredicate { AnyMatch = true };
        Assert.Empty(fixture.Apply(changed));
        Assert.Single(fixture.Subscriptions.Subscribers);
        Listener wrong = Of(null, null, Source(s_proxyProtocol));
        wrong.FilterChains.Clear();
        Assert.Single(fixture.Apply(wrong));
        Assert.Single(fixture.Subscriptions.Subscribers);
        fixture.Listeners.Apply([], ["l"], []);
        return TestPeers.UntilAsync(fixture.Workers.MainLoop, () => fixture.Subscriptions.Subscribers.Count == 0);
    });

    private static ExtensionConfigSource Source(params Any[] types)
    {
        var source = new ExtensionConfigSource { ConfigSource = new ConfigSource { Ads = new() } };
        source.TypeUrls.AddRange(types.Select(static type => type.TypeUrl));
        return source;
    }

    // Places without a source have their config at once.
    private static Listener Of(ExtensionConfigSource? inner, ExtensionConfigSource? last, ExtensionConfigSource? look)
    {
        var listener = new Listener { Name = "l", StatPrefix = "l", Address = TransportFixture.Socket(NetAddress.Loopback(0)) };
        var chain = new FilterChain();
        if (inner is not null)
        {
            chain.Filters.Add(new Filter { Name = "inner", ConfigDiscovery = inner });
        }

        chain.Filters.Add(last is null ? new Filter { Name = "last", TypedConfig = s_tcp } : new Filter { Name = "last", ConfigDiscovery = last });
        listener.FilterChains.Add(chain);
        if (look is not null)
        {
            listener.ListenerFilters.Add(new ListenerFilter { Name = "look", ConfigDiscovery = look });
        }

        return listener;
    }

    private static void Push(TransportFixture fixture, string name, Any config) =>
        fixture.Subscriptions.Push(name, new TypedExtensionConfig { Name = name, TypedConfig = config });

    private static string Refused(TransportFixture fixture, string name, Any config) =>
        Assert.Throws<ConfigRejectedException>(() => Push(fixture, name, config)).Message;

    private static async Task<TestClient> ConnectAsync(TransportFixture fixture) =>
        new(await TestPeers.ConnectAsync(fixture.Workers.MainLoop, fixture.AddressOf("l")));

    private static async Task ServesAsync(TransportFixture fixture, string preface) => await EchoesAsync(await ConnectAsync(fixture), preface);

    private static async Task EchoesAsync(TestClient client, string preface)
    {
        await client.SendAsync(preface + "hello");
        Assert.Equal("hello", await client.ReadBytesAsync(5));
    }

    private static void Run(Func<TransportFixture, Task> test) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop, new Pilotfish.Proxy.Drain.DrainOptions { Milliseconds = 1 });
        ListenSocket echo = TestPeers.Echo(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
        await test(fixture);
        echo.Close();
    });
}
