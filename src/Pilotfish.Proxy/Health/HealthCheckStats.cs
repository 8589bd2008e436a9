using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Health;

/// <summary>`cluster.NAME.health_check.*`, written by the main loop.</summary>
internal sealed class HealthCheckStats(StatScope scope)
{
    public Counter Attempt { get; } = scope.Counter("attempt");

    public Counter Success { get; } = scope.Counter("success");

    public Counter Failure { get; } = scope.Counter("failure");

    public Counter PassiveFailure { get; } = scope.Counter("passive_failure");

    public Counter NetworkFailure { get; } = scope.Counter("network_failure");

    public Counter VerifyCluster { get; } = scope.Counter("verify_cluster");

    public Gauge Healthy { get; } = scope.Gauge("healthy");

    public Gauge Degraded { get; } = scope.Gauge("degraded");
}
