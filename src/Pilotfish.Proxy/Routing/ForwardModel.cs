using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Routing;

/// <summary>A route action that forwards to a cluster: its cluster, and how. Immutable.</summary>
public sealed class ForwardModel(ClusterReference? cluster, ForwardSettings settings)
{
    /// <summary>Envoy's default when a route says nothing; Istio always says 0 = none.</summary>
    public const long DefaultTimeoutMilliseconds = 15_000;

    /// <summary>Null when a header or a weighted choice names the cluster.</summary>
    public ClusterReference? Cluster { get; } = cluster;

    public byte[]? ClusterHeader => settings.ClusterHeader;

    /// <summary>A plugin that names the cluster; null for none.</summary>
    internal ClusterSpecifier? ClusterSpecifier => settings.ClusterSpecifier;

    public WeightedClusterModel[] WeightedClusters => settings.WeightedClusters;

    public ulong TotalWeight => settings.TotalWeight;

    /// <summary>runtime_key_prefix is set: each choice asks the runtime for the weights.</summary>
    public bool HasLiveWeights => settings.HasLiveWeights;

    /// <summary>Header whose number decides between weighted clusters, instead of chance.</summary>
    public byte[]? WeightHeader => settings.WeightHeader;

    public bool WeightsUseHashPolicy => settings.WeightsUseHashPolicy;

    public int ClusterNotFoundStatus => settings.ClusterNotFoundStatus;

    public SubsetMatch? Subset => settings.Subset;

    /// <summary>Null: the path stays.</summary>
    public PathRewrite? PathRewrite => settings.PathRewrite;

    public byte[]? HostRewrite => settings.HostRewrite;

    public byte[]? HostRewriteHeader => settings.HostRewriteHeader;

    public RegexRewrite? HostRewritePathRegex => settings.HostRewritePathRegex;

    public FormatProgram? HostRewriteFormat => settings.HostRewriteFormat;

    /// <summary>The host's DNS name becomes the authority.</summary>
    public bool AutoHostRewrite => settings.AutoHostRewrite;

    public bool AppendForwardedHost => settings.AppendForwardedHost;

    /// <summary>0 = none.</summary>
    public long TimeoutMilliseconds => settings.TimeoutMilliseconds;

    /// <summary>flush_timeout; null: the connection manager's stream_flush_timeout applies, or else the idle timeout. 0 = none.</summary>
    public long? FlushTimeoutMilliseconds => settings.FlushTimeoutMilliseconds;

    /// <summary>Null: the connection manager's stream idle timeout applies.</summary>
    public long? IdleTimeoutMilliseconds => settings.IdleTimeoutMilliseconds;

    /// <summary>Null: the connection manager's applies; 0 = none.</summary>
    public long? MaxStreamDurationMilliseconds => settings.MaxStreamDurationMilliseconds;

    /// <summary>Null: grpc-timeout is not looked at; 0: it is taken as it is.</summary>
    public long? GrpcTimeoutMaxMilliseconds => settings.GrpcTimeoutMaxMilliseconds;

    /// <summary>Taken off grpc-timeout where <see cref="GrpcTimeoutMaxMilliseconds"/> lets it count.</summary>
    public long GrpcTimeoutOffsetMilliseconds => settings.GrpcTimeoutOffsetMilliseconds;

    /// <summary>Whether max_stream_duration is set at all: then it bounds requests, and timeout and max_grpc_timeout do not.</summary>
    public bool UsesStreamDuration => settings.UsesStreamDuration;

    /// <summary>max_grpc_timeout, the older form that Istio sends. Null: gRPC calls have the route's timeout; 0: grpc-timeout as it is.</summary>
    public long? MaxGrpcTimeoutMilliseconds => settings.MaxGrpcTimeoutMilliseconds;

    /// <summary>grpc_timeout_offset: taken off grpc-timeout where <see cref="MaxGrpcTimeoutMilliseconds"/> lets it count.</summary>
    public long OlderGrpcTimeoutOffsetMilliseconds => settings.OlderGrpcTimeoutOffsetMilliseconds;

    public RetryPolicyModel? Retry => settings.Retry;

    /// <summary>Null: redirects of the upstream are the client's business.</summary>
    public InternalRedirectModel? InternalRedirect => settings.InternalRedirect;

    public bool HedgesOnPerTryTimeout => settings.HedgesOnPerTryTimeout;

    public HashPolicyModel? Hash => settings.Hash;

    public MirrorPolicyModel[] Mirrors => settings.Mirrors;

    internal RateLimitRule[] RateLimits => settings.RateLimits;

    public bool IncludesHostRateLimits => settings.IncludesHostRateLimits;

    /// <summary>RoutingPriority: 0 default, 1 high.</summary>
    public int Priority => settings.Priority;

    public UpgradePolicy Upgrades => settings.Upgrades;

    /// <summary>The older cors field.</summary>
    public CompiledCorsPolicy? Cors => settings.Cors;

    public bool IncludeAttemptCount => settings.IncludeAttemptCount;

    public bool IncludeAttemptCountInResponse => settings.IncludeAttemptCountInResponse;

    public bool IncludeTimeoutRetryHeader => settings.IncludeTimeoutRetryHeader;
}
