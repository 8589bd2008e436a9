namespace Pilotfish.Testing;

/// <summary>How long tests wait for what must come. A wait ends when it has come, so that only a hang costs the whole time.</summary>
public static class Patience
{
    /// <summary>Far above any real latency, also on a machine whose cores have forty takers each.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(120);
}
