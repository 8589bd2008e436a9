using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>The transport half of the data plane on the test's own loop, driven by messages as a control plane sends them.</summary>
internal sealed class TransportFixture
{
    public TransportFixture(EventLoop loop, DrainOptions? drain = null, ConnectionLimits? limits = null, AccessLogFiles? files = null)
    {
        Stats = new StatsStore();
        Workers = WorkerSet.OnLoop(loop, Stats);
        var extensions = new Config.ExtensionRegistry();
        BuiltInExtensions.AddTo(extensions);
        extensions.Register<IAccessLoggerFactory>(new TcpRecordFactory(Records, Infos));
        Context = new CompileContext
        {
            Extensions = extensions,
            Subscriptions = Subscriptions,
            Stats = Stats,
            Node = new LocalNode { Id = "test", Cluster = "test" },
            Workers = Workers,
            AccessLogs = new AccessLogCompiler(files ?? new AccessLogFiles(new FileWriterOptions(), opensFiles: false), extensions),
        };
        Clusters = new ClusterDirectory(Context, Resolver, randomSeed: 7);
        Listeners = new ListenerDirectory(Context, drain ?? new DrainOptions(), limits ?? ConnectionLimits.None);
        Listeners.StartServing();
    }

    /// <summary>What the access logger of StringValue wrote.</summary>
    public List<string> Records { get; } = [];

    /// <summary>The connection of each of these records.</summary>
    public List<ConnectionInfo> Infos { get; } = [];

    public StatsStore Stats { get; }

    public WorkerSet Workers { get; }

    public CompileContext Context { get; }

    public ScriptedSubscriptions Subscriptions { get; } = new();

    public ScriptedResolver Resolver { get; } = new();

    public ClusterDirectory Clusters { get; }

    public ListenerDirectory Listeners { get; }

    public List<RejectedResource> Apply(params Cluster[] clusters)
    {
        var rejected = new List<RejectedResource>();
        Clusters.Apply(Array.ConvertAll(clusters, c => new ResourceUpdate(c.Name, c.ToByteArray(), "1")), [], rejected);
        return rejected;
    }

    public List<RejectedResource> Apply(params Listener[] listeners)
    {
        var rejected = new List<RejectedResource>();
        Listeners.Apply(Array.ConvertAll(listeners, l => new ResourceUpdate(l.Name, l.ToByteArray(), "1")), [], rejected);
        return rejected;
    }

    public NetAddress AddressOf(string listener) => Listeners.BoundAddresses(listener)[0];

    public long Counter(string name)
    {
        int dot = name.LastIndexOf('.');
        return Stats.Value(Stats.Scope(name[..dot]).Counter(name[(dot + 1)..]));
    }

    public long Gauge(string name)
    {
        int dot = name.LastIndexOf('.');
        return Stats.Value(Stats.Scope(name[..dot]).Gauge(name[(dot + 1)..]));
    }

    public static Address Socket(NetAddress address) => new()
    {
        SocketAddress = new SocketAddress { Address = address.IpToString(), PortValue = address.Port },
    };

    public static Cluster StaticCluster(string name, params NetAddress[] endpoints) => new()
    {
        Name = name,
        Type = Cluster.Types.DiscoveryType.Static,
        ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
        LoadAssignment = Assignment(name, endpoints),
    };

    public static ClusterLoadAssignment Assignment(string name, params NetAddress[] endpoints)
    {
        var assignment = new ClusterLoadAssignment { ClusterName = name };
        var group = new LocalityLbEndpoints();
        foreach (NetAddress endpoint in endpoints)
        {
            group.LbEndpoints.Add(new LbEndpoint { Endpoint = new Endpoint { Address = Socket(endpoint) } });
        }

        assignment.Endpoints.Add(group);
        return assignment;
    }

    public static Envoy.Config.Listener.V3.Filter Tcp(string cluster, Action<TcpProxy>? more = null)
    {
        var proxy = new TcpProxy { StatPrefix = "t", Cluster = cluster };
        more?.Invoke(proxy);
        return new Envoy.Config.Listener.V3.Filter { Name = "envoy.filters.network.tcp_proxy", TypedConfig = Any.Pack(proxy) };
    }

    public static FilterChain Chain(string name, string cluster, FilterChainMatch? match = null) =>
        new() { Name = name, FilterChainMatch = match, Filters = { Tcp(cluster) } };

    public static Listener TcpListener(string name, string cluster, NetAddress? address = null) => new()
    {
        Name = name,
        Address = Socket(address ?? NetAddress.Loopback(0)),
        FilterChains = { Chain("chain", cluster) },
    };
}
