using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The part of a cluster's configuration that names nothing of its own. Clusters of one mesh mostly agree in it, so equal ones share one
/// object (<see cref="ClusterSettingsTable"/>). Immutable.
/// </summary>
public sealed record ClusterSettings
{
    public static ClusterSettings Default { get; } = new();

    public DiscoveryKind Discovery { get; init; }

    public LoadBalancingPolicyModel LoadBalancing { get; init; } = new(LoadBalancingAlgorithm.RoundRobin);

    /// <summary>By <see cref="RoutingPriority"/>.</summary>
    public IReadOnlyList<CircuitBreakerConfig> CircuitBreakers { get; init; } = [new(), new()];

    public int ConnectTimeoutMilliseconds { get; init; } = ClusterModel.DefaultConnectTimeoutMilliseconds;

    public uint BufferLimitBytes { get; init; } = ClusterModel.DefaultBufferLimitBytes;

    /// <summary>Socket set-up for IPv4 hosts (source address, keepalive, options).</summary>
    public SocketStreamOptions SocketsV4 { get; init; } = SocketStreamOptions.Default;

    public SocketStreamOptions SocketsV6 { get; init; } = SocketStreamOptions.Default;

    public OutlierPolicy? Outlier { get; init; }

    /// <summary>Active checks; null for none.</summary>
    public HealthCheckPolicy? HealthCheck { get; init; }

    /// <summary>New hosts count neither as healthy nor as unhealthy until their first check.</summary>
    public bool IgnoresNewHostsUntilFirstCheck { get; init; }

    /// <summary>A host that discovery drops goes at once, even while its active checks pass.</summary>
    public bool IgnoresHealthOnHostRemoval { get; init; }

    public OriginalDestinationPolicy? OriginalDestination { get; init; }

    public DnsPolicy? Dns { get; init; }

    /// <summary>eds_config: ADS, a file or another cluster; null means ADS.</summary>
    public Envoy.Config.Core.V3.ConfigSource? EdsSource { get; init; }

    public bool CloseConnectionsOnHostSetChange { get; init; }

    /// <summary>wait_for_warm_on_init: whether it serves only when its first hosts, secrets and checks are known.</summary>
    public bool WaitsForWarm { get; init; } = true;

    /// <summary>track_cluster_stats.timeout_budgets, or the older track_timeout_budgets.</summary>
    public bool TracksTimeoutBudgets { get; init; }

    /// <summary>track_cluster_stats.request_response_sizes.</summary>
    public bool TracksSizes { get; init; }

    /// <summary>happy_eyeballs_config.</summary>
    public AddressOrder AddressOrder { get; init; } = AddressOrder.Default;

    /// <summary>track_cluster_stats.per_endpoint_stats.</summary>
    public bool TracksEndpoints { get; init; }

    public bool CloseConnectionsOnHostHealthFailure { get; init; }

    public uint RequestsPerConnectionMax { get; init; }

    public bool ConnectionPoolPerDownstreamConnection { get; init; }

    public PreconnectPolicy Preconnect { get; init; } = PreconnectPolicy.None;

    /// <summary>upstream_config.</summary>
    public Tunnels.UpstreamPoolKind UpstreamPool { get; init; }

    /// <summary>typed_extension_protocol_options, as far as they concern HTTP.</summary>
    public UpstreamHttpOptions Http { get; init; } = UpstreamHttpOptions.Default;
}
