namespace Pilotfish.Proxy.Clusters;

/// <summary>The breakers of one routing priority of a cluster; any thread.</summary>
public sealed class CircuitBreaker
{
    internal CircuitBreaker(CircuitBreakerConfig config)
    {
        Config = config;
        Connections = new Breaker(config.ConnectionsMax);
        PendingRequests = new Breaker(config.PendingRequestsMax);
        Requests = new Breaker(config.RequestsMax);
        Retries = new Breaker(config.RetriesMax);
        ConnectionPools = new Breaker(config.ConnectionPoolsMax);
    }

    public CircuitBreakerConfig Config { get; }

    public Breaker Connections { get; }

    public Breaker PendingRequests { get; }

    public Breaker Requests { get; }

    /// <summary>Count of retries under way; admit them with <see cref="TryAcquireRetry"/>.</summary>
    public Breaker Retries { get; }

    public Breaker ConnectionPools { get; }

    /// <summary>Admits a retry within max_retries, or within the budget where one is set; give back with Retries.Release.</summary>
    /// <param name="isCounted">Whether the attempt that failed is still among the active requests, of which the budget is a share.</param>
    public bool TryAcquireRetry(bool isCounted = true)
    {
        if (Config.RetryBudget is not { } budget)
        {
            return Retries.TryAcquire();
        }

        double share = budget.Percent / 100 * (Requests.Active + PendingRequests.Active + (isCounted ? 0 : 1));
        return Retries.TryAcquire(Math.Max(budget.ConcurrencyMin, (long)share));
    }
}
