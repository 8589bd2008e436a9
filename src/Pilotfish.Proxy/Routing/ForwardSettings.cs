using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// How a route forwards, apart from the one cluster that it names: the routes of a mesh mostly agree in it, and equal ones share one object. Immutable.
/// </summary>
public sealed class ForwardSettings
{
    public byte[]? ClusterHeader { get; init; }

    /// <summary>A plugin that names the cluster; null for none.</summary>
    internal ClusterSpecifier? ClusterSpecifier { get; init; }

    public WeightedClusterModel[] WeightedClusters { get; init; } = [];

    public ulong TotalWeight { get; init; }

    /// <summary>runtime_key_prefix is set: each choice asks the runtime for the weights.</summary>
    public bool HasLiveWeights { get; init; }

    /// <summary>Header whose number decides between weighted clusters, instead of chance.</summary>
    public byte[]? WeightHeader { get; init; }

    public bool WeightsUseHashPolicy { get; init; }

    public int ClusterNotFoundStatus { get; init; } = 503;

    public SubsetMatch? Subset { get; init; }

    /// <summary>Null: the path stays.</summary>
    public PathRewrite? PathRewrite { get; init; }

    public byte[]? HostRewrite { get; init; }

    public byte[]? HostRewriteHeader { get; init; }

    public RegexRewrite? HostRewritePathRegex { get; init; }

    public FormatProgram? HostRewriteFormat { get; init; }

    /// <summary>The host's DNS name becomes the authority.</summary>
    public bool AutoHostRewrite { get; init; }

    public bool AppendForwardedHost { get; init; }

    /// <summary>0 = none.</summary>
    public long TimeoutMilliseconds { get; init; } = ForwardModel.DefaultTimeoutMilliseconds;

    /// <summary>flush_timeout; null: the connection manager's stream_flush_timeout applies, or else the idle timeout. 0 = none.</summary>
    public long? FlushTimeoutMilliseconds { get; init; }

    /// <summary>Null: the connection manager's stream idle timeout applies.</summary>
    public long? IdleTimeoutMilliseconds { get; init; }

    /// <summary>Null: the connection manager's applies; 0 = none.</summary>
    public long? MaxStreamDurationMilliseconds { get; init; }

    /// <summary>Null: grpc-timeout is not looked at; 0: it is taken as it is.</summary>
    public long? GrpcTimeoutMaxMilliseconds { get; init; }

    /// <summary>Taken off grpc-timeout where <see cref="GrpcTimeoutMaxMilliseconds"/> lets it count.</summary>
    public long GrpcTimeoutOffsetMilliseconds { get; init; }

    /// <summary>Whether max_stream_duration is set at all: then it bounds requests, and timeout and max_grpc_timeout do not.</summary>
    public bool UsesStreamDuration { get; init; }

    /// <summary>max_grpc_timeout, the older form that Istio sends. Null: gRPC calls have the route's timeout; 0: grpc-timeout as it is.</summary>
    public long? MaxGrpcTimeoutMilliseconds { get; init; }

    /// <summary>grpc_timeout_offset: taken off grpc-timeout where <see cref="MaxGrpcTimeoutMilliseconds"/> lets it count.</summary>
    public long OlderGrpcTimeoutOffsetMilliseconds { get; init; }

    public RetryPolicyModel? Retry { get; init; }

    /// <summary>Null: redirects of the upstream are the client's business.</summary>
    public InternalRedirectModel? InternalRedirect { get; init; }

    public bool HedgesOnPerTryTimeout { get; init; }

    public HashPolicyModel? Hash { get; init; }

    public MirrorPolicyModel[] Mirrors { get; init; } = [];

    /// <summary>rate_limits: how rate limit filters describe a request.</summary>
    internal RateLimitRule[] RateLimits { get; init; } = RateLimitRule.None;

    /// <summary>include_vh_rate_limits: those of the virtual host count, too.</summary>
    public bool IncludesHostRateLimits { get; init; }

    /// <summary>RoutingPriority: 0 default, 1 high.</summary>
    public int Priority { get; init; }

    public UpgradePolicy Upgrades { get; init; } = UpgradePolicy.None;

    /// <summary>The older cors field.</summary>
    public CompiledCorsPolicy? Cors { get; init; }

    public bool IncludeAttemptCount { get; init; }

    public bool IncludeAttemptCountInResponse { get; init; }

    public bool IncludeTimeoutRetryHeader { get; init; }
}
