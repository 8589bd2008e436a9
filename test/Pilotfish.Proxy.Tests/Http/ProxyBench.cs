using Envoy.Config.Accesslog.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>A connection manager with router and clusters on one loop: clients are memory streams, upstreams scripted sockets.</summary>
internal sealed class ProxyBench
{
    /// <summary>connect_timeout of clusters: a clock that is moved in leaps must not reach it before the kernel has connected.</summary>
    public const int ConnectTimeoutMilliseconds = 60_000;

    private readonly List<DownstreamConnection> _connections = [];
    private readonly NetworkFilterContext _network;
    private FilterChainModel? _chain;
    private ListenerModel? _listener;
    private int _clusters;

    public ProxyBench(EventLoop loop, AccessLogFiles? files = null)
    {
        Loop = loop;
        Stats = new StatsStore();
        Workers = WorkerSet.OnLoop(loop, Stats);
        var extensions = new Config.ExtensionRegistry();
        extensions.Register<IHttpFilterFactory>(new RouterFactory());
        extensions.Register<IHttpFilterFactory>(new RecordingFilterFactory(Recorded));
        extensions.Register<IAccessLoggerFactory>(new RecordingAccessLoggerFactory(Logged));
        extensions.Register<IAccessLoggerFactory>(new FileAccessLoggerFactory());
        Context = new CompileContext
        {
            Extensions = extensions,
            Subscriptions = Subscriptions,
            Stats = Stats,
            Node = new LocalNode { Id = "test", Cluster = "test" },
            Workers = Workers,
            AccessLogs = new AccessLogCompiler(files ?? new AccessLogFiles(new FileWriterOptions(), opensFiles: false), extensions),
        };
        _network = new NetworkFilterContext
        {
            Config = Context,
            ListenerName = "test",
            StatPrefix = "listener.test",
            Direction = TrafficDirection.Unspecified,
            Warming = new Warming(),
            Owned = [],
        };
    }

    public EventLoop Loop { get; }

    /// <summary>Plays the listener filters: may change a connection's facts before its filter chain sees it.</summary>
    public Action<ConnectionInfo>? OnConnection { get; init; }

    /// <summary>The control plane of filters that follow ECDS.</summary>
    public ScriptedSubscriptions Subscriptions { get; } = new();

    /// <summary>What the filter chain waits for before it would serve.</summary>
    public Warming Warming => _network.Warming;

    public StatsStore Stats { get; }

    public WorkerSet Workers { get; }

    public CompileContext Context { get; }

    /// <summary>The zone of this proxy's node.</summary>
    public string LocalZone { get; init; } = "";

    /// <summary>What the recording filter saw at the end of each request.</summary>
    public List<RecordedStream> Recorded { get; } = [];

    /// <summary>The access log: one record per request, also of those that never reached a filter.</summary>
    public List<RecordedStream> Logged { get; } = [];

    public bool AllConnectionsFinished => _connections.TrueForAll(static c => c.IsFinished);

    public long Counter(string name)
    {
        int dot = name.LastIndexOf('.');
        return Stats.Value(Stats.Scope(name[..dot]).Counter(name[(dot + 1)..]));
    }

    public ClusterState AddCluster(string name, params NetAddress[] hosts) => AddCluster(name, null, hosts);

    public ClusterState AddCluster(string name, CircuitBreakerConfig? breaker, params NetAddress[] hosts) =>
        AddCluster(name, breaker, null, hosts);

    /// <summary>A cluster with options of HTTP: its protocol, its pools.</summary>
    public ClusterState AddHttpCluster(
        string name, Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions options, params NetAddress[] hosts) =>
        AddCluster(name, null, options, hosts);

    /// <summary>A cluster of HTTP/1 servers whose messages have trailers.</summary>
    public ClusterState AddTrailerCluster(string name, params NetAddress[] hosts) => AddHttpCluster(
        name,
        new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
        {
            ExplicitHttpConfig = new() { HttpProtocolOptions = new Envoy.Config.Core.V3.Http1ProtocolOptions { EnableTrailers = true } },
        },
        hosts);

    private ClusterState AddCluster(
        string name, CircuitBreakerConfig? breaker, Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions? options, NetAddress[] hosts) =>
        AddClusterWith(name, settings => settings with
        {
            CircuitBreakers = [breaker ?? new CircuitBreakerConfig(), new CircuitBreakerConfig()],
            Http = options is null ? UpstreamHttpOptions.Default : UpstreamHttpOptions.Compile(options, ""),
        }, hosts);

    /// <summary>A cluster whose settings the test changes.</summary>
    public ClusterState AddClusterWith(string name, Func<ClusterSettings, ClusterSettings> change, params NetAddress[] hosts)
    {
        var model = new ClusterModel
        {
            Name = name,
            ConfigHash = 1,
            Transport = UpstreamTransportSelector.Raw,
            Settings = change(new ClusterSettings
            {
                Discovery = DiscoveryKind.Static,
                LoadBalancing = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin),
                ConnectTimeoutMilliseconds = ConnectTimeoutMilliseconds,
            }),
        };
        var state = new ClusterState(model, _clusters++, Stats.Scope($"cluster.{name}"), 1, LocalZone);
        state.Apply(Context.Runtime);
        SetHosts(state, hosts);
        Context.Clusters.Reference(name).Set(state);
        Context.Clusters.Publish();
        return state;
    }

    public static void SetHosts(ClusterState state, params NetAddress[] addresses)
    {
        var hosts = new List<Host>();
        foreach (NetAddress address in addresses)
        {
            hosts.Add(new Host(new HostConfig(address, ""), 1, 0));
        }

        state.Publish(new HostSetBuilder(state.Config.LoadBalancing, Locality.None, 1).Build(hosts));
    }

    /// <summary>Routes everything to cluster "backend" unless the route says otherwise.</summary>
    public void Serve(Action<HttpConnectionManager>? configure = null, Action<Route>? configureRoute = null)
    {
        var route = new Route
        {
            Name = "default",
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() },
        };
        configureRoute?.Invoke(route);
        Serve(new RouteConfiguration
        {
            Name = "routes",
            VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } } },
        }, configure);
    }

    public void Serve(RouteConfiguration routes, Action<HttpConnectionManager>? configure = null)
    {
        var hcm = new HttpConnectionManager
        {
            StatPrefix = "test",
            RouteConfig = routes,
            AccessLog = { new AccessLog { Name = "record", TypedConfig = Any.Pack(new StringValue()) } },
            HttpFilters = { Filter("record", new Empty()), Filter("router", new Envoy.Extensions.Filters.Http.Router.V3.Router()) },
        };
        configure?.Invoke(hcm);
        var terminal = new HcmFilter(new HcmCompiler(_network).Compile(hcm));
        var state = new ListenerState("test", new ListenerStats(Stats.Scope("listener.test")), new ConnectionLimit(long.MaxValue),
            new ConnectionLimit(long.MaxValue), null, 1);
        _listener = new ListenerModel { Name = "test", Addresses = [], State = state, Overload = Context.Overload };
        _chain = new FilterChainModel(1, null, []) { Name = "chain", Filters = [], Terminal = terminal };
    }

    public FilterChainModel Chain => _chain!;

    /// <summary>Serves with one cluster, `backend`, and begins a request whose head has reached its host.</summary>
    /// <param name="upstream">The host.</param>
    /// <param name="request">What the client sends.</param>
    public async Task<(TestClient Client, TestClient Server)> BeginAsync(TestUpstream upstream, string request)
    {
        AddCluster("backend", upstream.Address);
        Serve();
        TestClient client = Connect();
        await client.SendAsync(request);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        return (client, server);
    }

    /// <summary>What its owner does when the filter chain is gone.</summary>
    public void DisposeChain()
    {
        foreach (IDisposable owned in _network.Owned)
        {
            owned.Dispose();
        }
    }

    /// <summary>Begins a drain as the chain's owner does: connections hear of it.</summary>
    public void StartDrain()
    {
        foreach (DownstreamConnection connection in _connections)
        {
            connection.DrainObserver?.OnDrainStarted();
        }
    }

    /// <summary>The moment after: whoever had no request since may go.</summary>
    public void SettleDrain()
    {
        foreach (DownstreamConnection connection in _connections)
        {
            connection.DrainObserver?.OnDrainSettled();
        }
    }

    public void OfferStreams(Pilotfish.Proxy.Overload.HighMemoryStreams streams)
    {
        foreach (DownstreamConnection connection in _connections)
        {
            connection.DrainObserver?.OnMemoryPressure(streams);
        }
    }

    public TestClient Connect(TlsSessionFacts? tls = null)
    {
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(
            Loop, NetAddress.Parse("10.0.0.9:3456"), NetAddress.Parse("10.0.0.1:80"));
        Accept(server, tls);
        return new TestClient(client);
    }

    public void Accept(IByteStream server, TlsSessionFacts? tls = null)
    {
        var info = new ConnectionInfo
        {
            StartTime = Loop.WallNow,
            StartNanoseconds = Loop.NowNanoseconds,
            LocalAddress = server.LocalAddress,
            DirectLocalAddress = server.LocalAddress,
            RemoteAddress = server.RemoteAddress,
            DirectRemoteAddress = server.RemoteAddress,
            Tls = tls,
        };
        OnConnection?.Invoke(info);
        var connection = new DownstreamConnection(Workers.All[0], server, info, _listener!, _chain!);
        _connections.Add(connection);
        _chain!.Add(connection);
        _chain.Terminal.Start(connection);
    }

    public static Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter Filter(string name, IMessage config) => new()
    {
        Name = name,
        TypedConfig = Any.Pack(config),
    };
}
