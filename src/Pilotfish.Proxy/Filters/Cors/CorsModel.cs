using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>The filter in a chain: takes part in requests that carry Origin and whose route has a policy.</summary>
public sealed class CorsModel(CorsStats stats) : HttpFilterModel
{
    public CorsStats Stats { get; } = stats;

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        if (!stream.RequestHeaders.Has(WellKnownHeader.Origin)
            || stream.RouteConfigOf<CompiledCorsPolicy>(name) is not { } policy)
        {
            return null;
        }

        bool enabled = policy.Enabled.Holds(stream.NextRandom());
        bool shadow = !enabled && policy.Shadow.Holds(stream.NextRandom());
        return enabled || shadow ? new CorsFilter(this, policy, enabled) : null;
    }
}
