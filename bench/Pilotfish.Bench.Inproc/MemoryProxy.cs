using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using HttpFilterProto = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;
using TrafficDirection = Pilotfish.Proxy.Network.TrafficDirection;

namespace Pilotfish.Bench.Inproc;

/// <summary>The connection manager of the peers' http mode on one loop: host routes, one added header, statistics, the router.</summary>
internal sealed class MemoryProxy
{
    private readonly WorkerSet _workers;
    private readonly EventLoop _loop;
    private readonly ListenerModel _listener;
    private readonly FilterChainModel _chain;
    private readonly int _pipeBytes;

    public MemoryProxy(EventLoop loop, MemoryProxyOptions options)
    {
        _loop = loop;
        _pipeBytes = options.PipeBytes;
        var stats = new StatsStore();
        _workers = WorkerSet.OnLoop(loop, stats);
        var extensions = new ExtensionRegistry();
        BuiltInExtensions.AddTo(extensions);
        var context = new CompileContext
        {
            Extensions = extensions,
            Subscriptions = new ResourceTable(loop),
            Stats = stats,
            Node = new LocalNode { Id = "bench", Cluster = "bench" },
            Workers = _workers,
            AccessLogs = options.Files is null ? null : new AccessLogCompiler(options.Files, extensions),
        };
        UpstreamHttpOptions http = options.Http2Upstream
            ? UpstreamHttpOptions.Default with { Protocol = UpstreamProtocol.Http2 }
            : UpstreamHttpOptions.Default;
        AddCluster(context, "backend", 0, options.Backend, new MemoryTransport(options.Serve, options.Http2Upstream ? options.PipeBytes : Exchange.PipeBytes), http);
        if (options.Collector is { } collector)
        {
            // Room for a batch: a stream in memory that is full would make the logger wait, as no collector does.
            AddCluster(context, LogConfig.CollectorCluster, 1, collector, new MemoryTransport(MemoryCollector.Serve, 256 * 1024),
                UpstreamHttpOptions.Default with { Protocol = UpstreamProtocol.Http2 });
        }

        context.Clusters.Publish();
        var network = new NetworkFilterContext
        {
            Config = context, ListenerName = "bench", StatPrefix = "listener.bench", Direction = TrafficDirection.Unspecified, Warming = new Warming(), Owned = [],
        };
        var terminal = new HcmFilter(new HcmCompiler(network).Compile(Manager(options)));
        var state = new ListenerState("bench", new ListenerStats(stats.Scope("listener.bench")), new ConnectionLimit(long.MaxValue),
            new ConnectionLimit(long.MaxValue), null, 1);
        _listener = new ListenerModel { Name = "bench", Addresses = [], State = state };
        _chain = new FilterChainModel(1, null, []) { Name = "chain", Filters = [], Terminal = terminal };
    }

    public IByteStream Connect()
    {
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(
            _loop, NetAddress.Parse("10.0.0.9:3456"), NetAddress.Parse("10.0.0.1:80"), _pipeBytes);
        var info = new ConnectionInfo
        {
            StartTime = _loop.WallNow,
            StartNanoseconds = _loop.NowNanoseconds,
            LocalAddress = server.LocalAddress,
            DirectLocalAddress = server.LocalAddress,
            RemoteAddress = server.RemoteAddress,
            DirectRemoteAddress = server.RemoteAddress,
        };
        var connection = new DownstreamConnection(_workers.All[0], server, info, _listener, _chain);
        _chain.Add(connection);
        _chain.Terminal.Start(connection);
        return client;
    }

    private static void AddCluster(
        CompileContext context, string name, int index, NetAddress address, MemoryTransport transport, UpstreamHttpOptions http)
    {
        var policy = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin);
        var model = new ClusterModel
        {
            Name = name,
            ConfigHash = 1,
            Transport = new UpstreamTransportSelector(transport, []),
            Settings = new ClusterSettings
            {
                Discovery = DiscoveryKind.Static,
                LoadBalancing = policy,
                CircuitBreakers = [new CircuitBreakerConfig(), new CircuitBreakerConfig()],
                ConnectTimeoutMilliseconds = 1000,
                Http = http,
            },
        };
        var state = new ClusterState(model, index, context.Stats.Scope($"cluster.{name}"), 1);
        state.Publish(new HostSetBuilder(policy, Pilotfish.Proxy.Clusters.Locality.None, 1)
            .Build([new Host(new HostConfig(address, ""), 1, 0)]));
        context.Clusters.Reference(name).Set(state);
    }

    private static IEnumerable<Route> Others(MemoryProxyOptions options)
    {
        for (int i = 0; i < options.OtherRoutes; i++)
        {
            yield return To(options.OtherKind switch
            {
                "regex" => new RouteMatch { SafeRegex = new RegexMatcher { Regex = $"/service-{i}/[0-9]+/.*" } },
                "header" => new RouteMatch
                {
                    Prefix = "/",
                    Headers = { new HeaderMatcher { Name = "x-version", StringMatch = new StringMatcher { Exact = $"v{i}" } } },
                },
                _ => new RouteMatch { Prefix = $"/service-{i}/" },
            });
        }
    }

    private static Route To(RouteMatch match) => new() { Match = match, Route_ = new RouteAction { Cluster = "backend" } };

    private static HttpConnectionManager Manager(MemoryProxyOptions options)
    {
        var routes = new RouteConfiguration
        {
            Name = "bench",
            RequestHeadersToAdd = { new HeaderValueOption { Header = new HeaderValue { Key = "x-bench", Value = "1" } } },
        };
        for (int i = 0; i < options.VirtualHosts; i++)
        {
            routes.VirtualHosts.Add(new VirtualHost
            {
                Name = $"service-{i}",
                Domains = { $"service-{i}.example.com" },
                Routes = { Others(options), To(new RouteMatch { Prefix = "/" }) },
            });
        }

        return new HttpConnectionManager
        {
            StatPrefix = "bench",
            UseRemoteAddress = true,
            AccessLog = { options.Logs },
            RouteConfig = routes,
            HttpFilters =
            {
                new HttpFilterProto
                {
                    Name = "envoy.filters.http.router", TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Http.Router.V3.Router()),
                },
            },
        };
    }
}
