using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>The filter in a chain: takes part in requests to clusters for which there are rules.</summary>
internal sealed class GlobalRateLimitModel(GlobalRateLimitConfig config) : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name)
    {
        if (stream.Route?.Forward is not { } forward
            || (config.Internal is { } only && only != ResponseOrigin.SaysInternal(stream.RequestHeaders))
            || !config.Enabled.Holds(stream.NextRandom()))
        {
            return null;
        }

        GlobalRateLimitRoute? route = stream.RouteConfigOf<GlobalRateLimitRoute>(name);
        RateLimitRule[] first = config.Rules;
        RateLimitRule[] second = RateLimitRule.None;
        bool ofRoutes = false;
        if (route is { Rules.Length: > 0 })
        {
            first = route.Rules;
        }
        else if (first.Length == 0)
        {
            ofRoutes = true;
            first = forward.RateLimits;
            HostRulesUse ofHost = forward.IncludesHostRateLimits ? HostRulesUse.Include : route?.HostRules ?? HostRulesUse.Override;
            second = ofHost == HostRulesUse.Include || (ofHost == HostRulesUse.Override && first.Length == 0)
                ? stream.VirtualHost!.RateLimits
                : RateLimitRule.None;
        }

        if (first.Length + second.Length == 0 || LocalAnswers.Reference(stream, forward)?.Current is not ClusterState cluster)
        {
            return null;
        }

        return new GlobalRateLimitFilter(config, cluster, route?.Domain ?? config.Domain)
        {
            FirstRules = first,
            SecondRules = second,
            RulesAreOfRoutes = ofRoutes,
        };
    }
}
