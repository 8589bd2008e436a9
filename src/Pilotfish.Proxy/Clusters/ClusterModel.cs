using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// A cluster's configuration after compiling: what is its own, and the settings that it shares with others. Immutable; hosts, health and
/// counts live in <see cref="ClusterState"/>.
/// </summary>
public sealed class ClusterModel
{
    public const int DefaultConnectTimeoutMilliseconds = 5000;
    public const uint DefaultBufferLimitBytes = 1024 * 1024;

    private readonly ReadOnlyMemory<byte> _metadataMessage;
    private string? _observabilityName;
    private DynamicMetadata? _metadata;

    public required string Name { get; init; }

    /// <summary>What alt_stat_name has behind the name: Istio's control planes send `NAME;`, which is not worth a second string.</summary>
    public string StatSuffix { get; init; } = "";

    /// <summary>alt_stat_name when it does not begin with the name; else null.</summary>
    public string? AltStatName { get; init; }

    /// <summary>alt_stat_name, or the name: what statistics and %UPSTREAM_CLUSTER% show. Made when a cluster is first used.</summary>
    public string ObservabilityName => _observabilityName ??= StatName();

    /// <summary>Hash of the received message: state survives a push that keeps it.</summary>
    public required ulong ConfigHash { get; init; }

    public ClusterSettings Settings { get; init; } = ClusterSettings.Default;

    public required UpstreamTransportSelector Transport { get; init; }

    /// <summary>What the transports subscribed to; the cluster waits for it and ends it.</summary>
    internal UpstreamTransportContext? TransportContext { get; init; }

    internal Overload.OverloadState Overload { get; init; } = Pilotfish.Proxy.Overload.OverloadState.Inactive;

    /// <summary>The EDS resource's name; the cluster's own unless service_name says otherwise.</summary>
    public string EdsServiceName { get; init; } = "";

    /// <summary>The envoy.config.core.v3.Metadata message; read when somebody asks, which unused clusters never see.</summary>
    public ReadOnlyMemory<byte> MetadataMessage
    {
        init => _metadataMessage = value;
    }

    public DynamicMetadata? Metadata => _metadataMessage.IsEmpty ? null : Volatile.Read(ref _metadata) ?? ReadMetadata();

    /// <summary>Network filters on upstream connections.</summary>
    public IReadOnlyList<NetworkFilter> Filters { get; init; } = [];

    public DiscoveryKind Discovery => Settings.Discovery;

    public LoadBalancingPolicyModel LoadBalancing => Settings.LoadBalancing;

    /// <summary>By <see cref="RoutingPriority"/>.</summary>
    public IReadOnlyList<CircuitBreakerConfig> CircuitBreakers => Settings.CircuitBreakers;

    public int ConnectTimeoutMilliseconds => Settings.ConnectTimeoutMilliseconds;

    public uint BufferLimitBytes => Settings.BufferLimitBytes;

    public OutlierPolicy? Outlier => Settings.Outlier;

    public HealthCheckPolicy? HealthCheck => Settings.HealthCheck;

    public bool IgnoresNewHostsUntilFirstCheck => Settings.IgnoresNewHostsUntilFirstCheck;

    public bool IgnoresHealthOnHostRemoval => Settings.IgnoresHealthOnHostRemoval;

    public OriginalDestinationPolicy? OriginalDestination => Settings.OriginalDestination;

    public DnsPolicy? Dns => Settings.Dns;

    public Envoy.Config.Core.V3.ConfigSource? EdsSource => Settings.EdsSource;

    public bool CloseConnectionsOnHostSetChange => Settings.CloseConnectionsOnHostSetChange;

    public bool WaitsForWarm => Settings.WaitsForWarm;

    public bool TracksTimeoutBudgets => Settings.TracksTimeoutBudgets;

    public bool TracksSizes => Settings.TracksSizes;

    public AddressOrder AddressOrder => Settings.AddressOrder;

    public bool TracksEndpoints => Settings.TracksEndpoints;

    public bool CloseConnectionsOnHostHealthFailure => Settings.CloseConnectionsOnHostHealthFailure;

    public uint RequestsPerConnectionMax => Settings.RequestsPerConnectionMax;

    public bool ConnectionPoolPerDownstreamConnection => Settings.ConnectionPoolPerDownstreamConnection;

    public PreconnectPolicy Preconnect => Settings.Preconnect;

    public Tunnels.UpstreamPoolKind UpstreamPool => Settings.UpstreamPool;

    public UpstreamHttpOptions Http => Settings.Http;

    public SocketStreamOptions SocketsFor(NetAddress address) =>
        address.Kind == AddressFamilyKind.IPv6 ? Settings.SocketsV6 : Settings.SocketsV4;

    /// <summary>Whether reports may show a statistic of the cluster, without keeping its name.</summary>
    internal bool ShowsStatistic(StatsStore stats, string leaf) =>
        stats.Includes($"cluster.{StatName()}.{leaf}".Replace(':', '_'));

    private string StatName() => AltStatName ?? (StatSuffix.Length == 0 ? Name : Name + StatSuffix);

    // Two workers may read it at once: either result is right.
    private DynamicMetadata? ReadMetadata()
    {
        DynamicMetadata? metadata = ProtoValues.Metadata(Envoy.Config.Core.V3.Metadata.Parser.ParseFrom(_metadataMessage.Span));
        Volatile.Write(ref _metadata, metadata);
        return metadata;
    }
}
