using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Clusters;

/// <summary>The breakers of one routing priority of a cluster; any thread, except where a member says main loop.</summary>
public sealed class CircuitBreaker
{
    private volatile RetryBudget? _budget;

    internal CircuitBreaker(CircuitBreakerConfig config)
    {
        Config = config;
        Connections = new Breaker(config.ConnectionsMax);
        PendingRequests = new Breaker(config.PendingRequestsMax);
        Requests = new Breaker(config.RequestsMax);
        Retries = new Breaker(config.RetriesMax);
        ConnectionPools = new Breaker(config.ConnectionPoolsMax);
        _budget = config.RetryBudget;
    }

    public CircuitBreakerConfig Config { get; }

    public Breaker Connections { get; }

    public Breaker PendingRequests { get; }

    public Breaker Requests { get; }

    /// <summary>Count of retries under way; admit them with <see cref="TryAcquireRetry"/>.</summary>
    public Breaker Retries { get; }

    public Breaker ConnectionPools { get; }

    /// <summary>Room for retries; 0 where a budget rules, whose limit moves with the requests, as in Envoy.</summary>
    internal long RetriesRemaining => _budget is null ? Retries.Remaining : 0;

    /// <summary>Admits a retry within max_retries, or within the budget where one is set; give back with Retries.Release.</summary>
    /// <param name="isCounted">Whether the attempt that failed is still among the active requests, of which the budget is a share.</param>
    public bool TryAcquireRetry(bool isCounted = true)
    {
        if (_budget is not { } budget)
        {
            return Retries.TryAcquire();
        }

        double share = budget.Percent / 100 * (Requests.Active + PendingRequests.Active + (isCounted ? 0 : 1));
        return Retries.TryAcquire(Math.Max(budget.ConcurrencyMin, (long)share));
    }

    /// <summary>Takes over what the runtime says under `circuit_breakers.CLUSTER.PRIORITY.` (envoy docs, cluster_manager/cluster_runtime).</summary>
    /// <param name="runtime">Its values now; for a key that it does not have the configured limit counts.</param>
    /// <param name="prefix">The keys' beginning, with its last dot.</param>
    internal void Apply(RuntimeValues runtime, string prefix)
    {
        Connections.SetLimit(Limit(runtime, prefix + "max_connections", Config.ConnectionsMax));
        PendingRequests.SetLimit(Limit(runtime, prefix + "max_pending_requests", Config.PendingRequestsMax));
        Requests.SetLimit(Limit(runtime, prefix + "max_requests", Config.RequestsMax));
        Retries.SetLimit(Limit(runtime, prefix + "max_retries", Config.RetriesMax));
        ConnectionPools.SetLimit(Limit(runtime, prefix + "max_connection_pools", Config.ConnectionPoolsMax));
        double? percent = runtime.Find(prefix + "retry_budget.budget_percent")?.Number;
        ulong? least = runtime.Number(prefix + "retry_budget.min_retry_concurrency");
        RetryBudget? own = Config.RetryBudget;

        // Either key makes a budget where none is configured, as in Envoy.
        _budget = percent is null && least is null
            ? own
            : new RetryBudget(
                Math.Max(0, percent ?? own?.Percent ?? RetryBudget.DefaultPercent),
                (uint)Math.Min(uint.MaxValue, least ?? own?.ConcurrencyMin ?? RetryBudget.DefaultConcurrencyMin));
    }

    private static long Limit(RuntimeValues runtime, string key, uint configured) =>
        (long)Math.Min(long.MaxValue, runtime.Number(key) ?? configured);
}
