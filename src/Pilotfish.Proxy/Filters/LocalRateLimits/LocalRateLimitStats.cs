using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary><c>PREFIX.http_local_rate_limit.*</c>.</summary>
internal sealed class LocalRateLimitStats(StatScope scope)
{
    public Counter Enabled { get; } = scope.Counter("enabled");

    public Counter Ok { get; } = scope.Counter("ok");

    public Counter RateLimited { get; } = scope.Counter("rate_limited");

    public Counter Enforced { get; } = scope.Counter("enforced");
}
