namespace Pilotfish.Agent.Identity.Workload;

/// <summary>What the agent counts of its requests to the authority (istio security/pkg/nodeagent/cache/monitoring.go). Main loop.</summary>
internal sealed class IdentityStats
{
    /// <summary>Certificates asked for; further attempts of one do not count.</summary>
    public long Requests { get; set; }

    /// <summary>Of these, the ones that brought none.</summary>
    public long Failures { get; set; }

    public long Retries { get; set; }

    /// <summary>All waiting for answers, further attempts included.</summary>
    public double LatencyMilliseconds { get; set; }

    /// <summary>The end of the newest certificate; null before the first.</summary>
    public DateTimeOffset? NotAfter { get; set; }
}
