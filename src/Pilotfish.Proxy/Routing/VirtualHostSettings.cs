using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>What a virtual host says apart from its name, domains and routes; hosts that agree share one object. Immutable.</summary>
public sealed class VirtualHostSettings
{
    public static VirtualHostSettings Default { get; } = new();

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;

    public DynamicMetadata? Metadata { get; init; }

    /// <summary>The older cors field.</summary>
    public CompiledCorsPolicy? Cors { get; init; }

    /// <summary>In config order; the first that matches names a request.</summary>
    public VirtualClusterModel[] VirtualClusters { get; init; } = [];

    /// <summary>rate_limits: how rate limit filters describe a request.</summary>
    internal RateLimitRule[] RateLimits { get; init; } = RateLimitRule.None;

    public long? RequestBufferLimit { get; init; }

    /// <summary>require_tls: non-null when plaintext requests are redirected.</summary>
    public RedirectModel? TlsRedirect { get; init; }

    /// <summary>Whether <see cref="TlsRedirect"/> spares internal requests.</summary>
    public bool TlsForExternalOnly { get; init; }

    /// <summary>ignore_path_parameters_in_path_matching of the route config: what follows a semicolon is no part of a path that is matched.</summary>
    public bool IgnoresPathParameters { get; init; }
}
