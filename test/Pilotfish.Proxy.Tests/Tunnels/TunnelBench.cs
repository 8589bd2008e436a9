using Envoy.Config.Accesslog.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>A tcp_proxy that tunnels its connections to a scripted server.</summary>
internal sealed class TunnelBench : IDisposable
{
    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    private readonly EventLoop _loop;

    public TunnelBench(EventLoop loop, bool http2, Action<TcpProxy>? configure = null, Action<Cluster>? configureCluster = null)
    {
        _loop = loop;
        Upstream = new TestUpstream(loop);
        Fixture = new TransportFixture(loop);
        Fixture.Context.Extensions.Register<IAccessLoggerFactory>(new FormattedRecordFactory(Records));
        Cluster cluster = TransportFixture.StaticCluster("c", Upstream.Address);
        if (http2)
        {
            UseHttp2(cluster);
        }

        configureCluster?.Invoke(cluster);
        Assert.Empty(Fixture.Apply(cluster));
        Assert.Empty(Fixture.Apply(Listener(configure)));
    }

    public TransportFixture Fixture { get; }

    public TestUpstream Upstream { get; }

    /// <summary>What loggers of <see cref="Log"/> wrote.</summary>
    public List<string> Records { get; } = [];

    public static AccessLog Log(string format) => new()
    {
        Name = "formatted", TypedConfig = Any.Pack(new BytesValue { Value = ByteString.CopyFromUtf8(format) }),
    };

    public static void UseHttp2(Cluster cluster) => cluster.TypedExtensionProtocolOptions[Key] =
        Any.Pack(new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } });

    /// <summary>The other end of tunnels: a listener `end` that takes CONNECT requests apart and sends what they carry to cluster `echo`.</summary>
    /// <param name="match">Which requests are tunnels.</param>
    /// <param name="connectConfig">What is said of them.</param>
    /// <param name="options">More of the connection manager.</param>
    public static Listener Terminator(string match, string connectConfig, string options = "") => Messages.Parse<Listener>($$"""
        name: end
        address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
        filter_chains:
        - filters:
          - name: hcm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: end
              {{options}}
              http_filters:
              - { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
              route_config:
                virtual_hosts:
                - name: all
                  domains: ["*"]
                  routes:
                  - match: {{match}}
                    route:
                      cluster: echo
                      upgrade_configs: [{ upgrade_type: CONNECT, connect_config: {{connectConfig}} }]
        """);

    public static Listener Listener(Action<TcpProxy>? configure = null)
    {
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", proxy =>
        {
            proxy.TunnelingConfig = new TcpProxy.Types.TunnelingConfig { Hostname = "db.example:5432" };
            configure?.Invoke(proxy);
        });
        return listener;
    }

    public async Task<TestClient> ConnectAsync() => new(await TestPeers.ConnectAsync(_loop, Fixture.AddressOf("l")));

    /// <summary>Accepts over HTTP/1.1 and reads the request's head.</summary>
    public async Task<(TestClient Server, string Head)> AcceptAsync()
    {
        TestClient server = await Upstream.AcceptAsync();
        return (server, await server.ReadHeadAsync());
    }

    /// <summary>Accepts over HTTP/2 and reads the request's head.</summary>
    public async Task<(Http2Peer Server, int Id, Dictionary<string, string> Fields)> Accept2Async()
    {
        var server = new Http2Peer((await Upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (int id, bool end, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.False(end);
        return (server, id, fields);
    }

    public Task UntilAsync(Func<bool> condition) => TestPeers.UntilAsync(_loop, condition);

    public void Dispose() => Upstream.Dispose();
}
