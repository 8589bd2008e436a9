using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Config;

/// <summary>What every compiler and factory may use. One per process, made by ProxyApp; main loop only.</summary>
public sealed class CompileContext
{
    public required ExtensionRegistry Extensions { get; init; }

    public required ISubscriptions Subscriptions { get; init; }

    public required StatsStore Stats { get; init; }

    public required LocalNode Node { get; init; }

    /// <summary>Null in tools that validate without files; then nothing is logged.</summary>
    public AccessLogCompiler? AccessLogs { get; init; }

    public required WorkerSet Workers { get; init; }

    /// <summary>Where access logs go over gRPC.</summary>
    internal CollectorDirectory Collectors => field ??= new CollectorDirectory(Workers);

    /// <summary>The bootstrap's typed_dns_resolver_config: for clusters without one of their own.</summary>
    public DnsResolverOptions DnsResolver { get; set; } = DnsResolverOptions.Default;

    /// <summary>cluster_manager.local_cluster_name: the proxies of this one's kind, for zone aware routing; null = not said.</summary>
    public ClusterReference? LocalCluster { get; set; }

    /// <summary>Clusters by name, whether they exist yet or not.</summary>
    public ClusterReferences Clusters { get; } = new();

    /// <summary>What clusters have in common.</summary>
    internal ClusterSettingsTable ClusterSettings { get; } = new();

    /// <summary>static_resources.secrets by name.</summary>
    public Dictionary<string, Envoy.Extensions.TransportSockets.Tls.V3.Secret> StaticSecrets { get; } = new(StringComparer.Ordinal);

    /// <summary>Secrets that come by subscription, one for all who name them alike.</summary>
    internal Tls.SharedSecrets Secrets { get; } = new();

    /// <summary>Statistics of filters whose config comes by ECDS.</summary>
    internal ExtensionDiscoveryStats ExtensionDiscovery { get; } = new();

    /// <summary>What pressure makes of the process; never triggered unless the bootstrap says what to watch.</summary>
    public Overload.OverloadState Overload { get; } = new();

    /// <summary>What health check filters answer by.</summary>
    public HealthSwitch Health { get; init; } = new();

    /// <summary>The runtime's values; whoever reads one while serving keeps its handle.</summary>
    public RuntimeValues Runtime { get; } = new();

    /// <summary>Where the scopes of routes come from.</summary>
    internal Routing.Scopes.ScopedRouteDirectories ScopedRoutes { get; } = new();

    /// <summary>Where virtual hosts come from that route configurations leave to discovery.</summary>
    internal Routing.Discovery.VirtualHostDirectories VirtualHosts { get; } = new();

    /// <summary>Clusters that are discovered when a request needs them.</summary>
    internal Clusters.OnDemand.OnDemandClusters OnDemandClusters => field ??= new(this);

    public ConfigProblems Warnings { get; init; } = new();

    /// <summary>The listener, cluster or route config that compiles at the moment, for remarks.</summary>
    public string ResourceName { get; set; } = "";
}
