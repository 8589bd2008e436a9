using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>The filter in a chain: takes part in requests that belong to the share for which their limit is enabled.</summary>
internal sealed class LocalRateLimitModel(LocalRateLimitConfig config) : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name)
    {
        LocalRateLimitConfig applied = stream.RouteConfigOf<LocalRateLimitConfig>(name) ?? config;
        return applied.Enabled.Holds(stream.NextRandom()) ? new LocalRateLimitFilter(applied) : null;
    }
}
