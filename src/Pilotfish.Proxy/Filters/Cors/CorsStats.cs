using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary><c>http.PREFIX.cors.*</c>.</summary>
public sealed class CorsStats(StatScope scope)
{
    public Counter OriginValid { get; } = scope.Counter("origin_valid");

    public Counter OriginInvalid { get; } = scope.Counter("origin_invalid");
}
