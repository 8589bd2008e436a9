using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>A cluster's configuration after compiling. Immutable; hosts, health and counts live in <see cref="ClusterState"/>.</summary>
public sealed record ClusterModel
{
    public const int DefaultConnectTimeoutMilliseconds = 5000;
    public const uint DefaultBufferLimitBytes = 1024 * 1024;

    public required string Name { get; init; }

    /// <summary>alt_stat_name, or the name: what statistics and %UPSTREAM_CLUSTER% show.</summary>
    public required string ObservabilityName { get; init; }

    /// <summary>Hash of the received message: state survives a push that keeps it.</summary>
    public required ulong ConfigHash { get; init; }

    public required DiscoveryKind Discovery { get; init; }

    public required LoadBalancingPolicyModel LoadBalancing { get; init; }

    public required UpstreamTransportSelector Transport { get; init; }

    /// <summary>What the transports subscribed to; the cluster waits for it and ends it.</summary>
    internal UpstreamTransportContext? TransportContext { get; init; }

    /// <summary>By <see cref="RoutingPriority"/>.</summary>
    public required IReadOnlyList<CircuitBreakerConfig> CircuitBreakers { get; init; }

    internal Overload.OverloadState Overload { get; init; } = Pilotfish.Proxy.Overload.OverloadState.Inactive;

    public int ConnectTimeoutMilliseconds { get; init; } = DefaultConnectTimeoutMilliseconds;

    public uint BufferLimitBytes { get; init; } = DefaultBufferLimitBytes;

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

    /// <summary>The EDS resource's name; the cluster's own unless service_name says otherwise.</summary>
    public string EdsServiceName { get; init; } = "";

    /// <summary>eds_config: ADS, a file or another cluster; null means ADS.</summary>
    public Envoy.Config.Core.V3.ConfigSource? EdsSource { get; init; }

    public long WarmupTimeoutMilliseconds { get; init; }

    public bool CloseConnectionsOnHostSetChange { get; init; }

    public bool CloseConnectionsOnHostHealthFailure { get; init; }

    public uint RequestsPerConnectionMax { get; init; }

    public bool ConnectionPoolPerDownstreamConnection { get; init; }

    public DynamicMetadata? Metadata { get; init; }

    /// <summary>typed_extension_protocol_options, as far as they concern HTTP.</summary>
    public UpstreamHttpOptions Http { get; init; } = UpstreamHttpOptions.Default;

    /// <summary>Network filters on upstream connections.</summary>
    public IReadOnlyList<NetworkFilter> Filters { get; init; } = [];

    public SocketStreamOptions SocketsFor(NetAddress address) =>
        address.Kind == AddressFamilyKind.IPv6 ? SocketsV6 : SocketsV4;
}
