using Envoy.Extensions.Filters.Http.Ratelimit.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>envoy.filters.http.ratelimit: a service decides which requests pass.</summary>
public sealed class GlobalRateLimitFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    private const string PerRoute = "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute";

    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.ratelimit.v3.RateLimit", PerRoute];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) =>
        new GlobalRateLimitModel(new GlobalRateLimitConfig(config.Parse(RateLimit.Parser), config.Field, context.Config));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context)
    {
        if (config.MessageName != PerRoute)
        {
            throw new ConfigRejectedException(config.Field, $"a route's config of the rate limit filter is of type '{PerRoute}'");
        }

        RateLimitPerRoute route = config.Parse(RateLimitPerRoute.Parser);
        return new GlobalRateLimitRoute(
            HostRules(route, config.Field),
            RateLimitRule.CompileAll(route.RateLimits, $"{config.Field}.rate_limits", context),
            route.Domain.Length > 0 ? route.Domain : null);
    }

    private static HostRulesUse HostRules(RateLimitPerRoute route, string field) => route.OverrideOption switch
    {
        RateLimitPerRoute.Types.OverrideOptions.Default => route.VhRateLimits switch
        {
            RateLimitPerRoute.Types.VhRateLimitsOptions.Override => HostRulesUse.Override,
            RateLimitPerRoute.Types.VhRateLimitsOptions.Include => HostRulesUse.Include,
            RateLimitPerRoute.Types.VhRateLimitsOptions.Ignore => HostRulesUse.Ignore,
            _ => throw new ConfigRejectedException($"{field}.vh_rate_limits", $"{(int)route.VhRateLimits} is not known"),
        },
        RateLimitPerRoute.Types.OverrideOptions.OverridePolicy => HostRulesUse.Override,
        RateLimitPerRoute.Types.OverrideOptions.IncludePolicy => HostRulesUse.Include,
        RateLimitPerRoute.Types.OverrideOptions.IgnorePolicy => HostRulesUse.Ignore,
        _ => throw new ConfigRejectedException($"{field}.override_option", $"{(int)route.OverrideOption} is not known"),
    };
}
