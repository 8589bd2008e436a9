namespace Pilotfish.Agent.Lifecycle;

/// <summary>How long the proxy outlives the signal that ends it.</summary>
public sealed record TerminationOptions
{
    /// <summary>ProxyConfig.terminationDrainDuration: the time for clients to leave.</summary>
    public TimeSpan DrainDuration { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>EXIT_ON_ZERO_ACTIVE_CONNECTIONS: wait for the last connection instead, as long as the kubelet lets us.</summary>
    public bool WaitForConnections { get; init; }

    /// <summary>MINIMUM_DRAIN_DURATION: before the first count, so that load balancers have heard of the end.</summary>
    public TimeSpan MinimumDrainDuration { get; init; } = TimeSpan.FromSeconds(5);
}
