using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>envoy.filters.http.local_ratelimit: so many requests of this process, or of each connection, as buckets allow.</summary>
public sealed class LocalRateLimitFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"];

    /// <summary>A route's buckets are its own.</summary>
    public bool KeepsState => true;

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        var compiled = LocalRateLimitConfig.Compile(config, context.Config, ofRoute: false, out StatScope scope);
        context.Owned.Add(scope);
        return new LocalRateLimitModel(compiled);
    }

    // The statistics of routes stay: they may serve requests for as long as those last.
    public object CompileRouteConfig(ExtensionConfig config, CompileContext context) => LocalRateLimitConfig.Compile(config, context, ofRoute: true, out _);
}
