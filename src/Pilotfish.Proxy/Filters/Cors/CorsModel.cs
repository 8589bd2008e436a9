using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>The filter in a chain: takes part in requests that carry Origin and whose route has a policy.</summary>
public sealed class CorsModel(CorsStats stats) : HttpFilterModel
{
    public CorsStats Stats { get; } = stats;

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        if (!stream.RequestHeaders.TryGet(WellKnownHeader.Origin, out ReadOnlySpan<byte> origin) || origin.IsEmpty
            || stream.Route?.Forward is not { } forward || Policy(stream, forward, name) is not { } policy)
        {
            return null;
        }

        bool enabled = policy.Enabled.Holds(stream.NextRandom());
        bool shadow = !enabled && policy.Shadow.Holds(stream.NextRandom());
        return enabled || shadow ? new CorsFilter(this, policy, enabled) : null;
    }

    // The levels' own policies, the most specific first; the older fields only where no level has one.
    private static CompiledCorsPolicy? Policy(HttpStream stream, ForwardModel forward, string name)
    {
        CompiledCorsPolicy? policy = null;
        for (int level = 0; level < HttpStream.RouteConfigLevels; level++)
        {
            if (stream.RouteConfigAt<CompiledCorsPolicy>(level, name) is { } next)
            {
                policy = policy is null ? next : policy.Over(next);
            }
        }

        CompiledCorsPolicy? ofHost = stream.VirtualHost!.Cors;
        return policy ?? forward.Cors?.Over(ofHost) ?? ofHost;
    }
}
