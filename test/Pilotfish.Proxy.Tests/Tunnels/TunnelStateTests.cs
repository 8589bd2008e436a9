using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using Listener = Envoy.Config.Listener.V3.Listener;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>What filters say of one connection through its filter state, and what clusters say of tunnels' protocol.</summary>
public sealed class TunnelStateTests
{
    [Theory]
    [InlineData("true", "hello")]
    [InlineData("false", "CONNE")]
    public void DisableTunneling_MakesAPlainConnection(string value, string received) => LoopRunner.Run(async loop =>
    {
        using var bench = new TunnelBench(loop, http2: false);
        Serve(bench, "envoy.tcp_proxy.disable_tunneling", value);
        TestClient client = await bench.ConnectAsync();
        await client.SendAsync("hello");
        TestClient server = await bench.Upstream.AcceptAsync();
        Assert.Equal(received, await server.ReadBytesAsync(5));
    });

    [Fact]
    public void IdleTimeout_OfOneConnection_TakesThePlaceOfTheProxys()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new TunnelBench(loop, http2: false);
            Serve(bench, "envoy.tcp_proxy.per_connection_idle_timeout_ms", "3000");
            TestClient client = await bench.ConnectAsync();
            await bench.Upstream.AcceptAsync();
            clock.Advance(TimeSpan.FromSeconds(4));
            Assert.Equal("", await client.ReadToEndAsync());
            Assert.Equal(1, bench.Fixture.Counter("tcp.t.idle_timeout"));
        });
    }

    [Fact]
    public void ClusterThatFollowsItsClients_SpeaksHttp2WhereItHasOptionsOfIt() => TunnelTests.Run(
        http2: false,
        async bench =>
        {
            await bench.ConnectAsync();
            (_, _, Dictionary<string, string> fields) = await bench.Accept2Async();
            Assert.Equal("CONNECT", fields[":method"]);
        },
        null,
        static cluster => cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
            Any.Pack(new HttpProtocolOptions { UseDownstreamProtocolConfig = new() { Http2ProtocolOptions = new() } }));

    private static void Serve(TunnelBench bench, string key, string value)
    {
        bench.Fixture.Context.Extensions.Register<INetworkFilterFactory>(new StateFactory(key));
        Listener listener = TunnelBench.Listener(static (TcpProxy _) => { });
        listener.FilterChains[0].Filters.Insert(0, new Envoy.Config.Listener.V3.Filter
        {
            Name = "state", TypedConfig = Any.Pack(new StringValue { Value = value }),
        });
        Assert.Empty(bench.Fixture.Apply(listener));
    }

    /// <summary>A filter that leaves one object, its config, in the filter state.</summary>
    private sealed class StateFactory(string key) : INetworkFilterFactory
    {
        public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.StringValue"];

        public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context) =>
            new StateFilter(key, config.Parse(StringValue.Parser).Value);
    }

    private sealed class StateFilter(string key, string value) : NetworkFilter
    {
        public override NetworkFilterSession? NewConnection(DownstreamConnection connection)
        {
            connection.Info.EnsureFilterState().Set(key, new FilterStateText(value));
            return null;
        }
    }
}
