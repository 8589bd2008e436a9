using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary><c>http.PREFIX.fault.*</c>.</summary>
public sealed class FaultStats(StatScope scope)
{
    public Counter DelaysInjected { get; } = scope.Counter("delays_injected");

    public Counter AbortsInjected { get; } = scope.Counter("aborts_injected");

    public Counter ResponseRateLimitsInjected { get; } = scope.Counter("response_rl_injected");

    public Counter FaultsOverflow { get; } = scope.Counter("faults_overflow");

    public Gauge ActiveFaults { get; } = scope.Gauge("active_faults");
}
