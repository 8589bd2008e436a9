namespace Pilotfish.Proxy.Health;

/// <summary>How one check of one host went.</summary>
internal enum ProbeResult : byte
{
    Healthy,

    /// <summary>Healthy, and the host asks to be spared (x-envoy-degraded).</summary>
    Degraded,

    /// <summary>The host answered, and the answer is wrong: it is down at once.</summary>
    Refused,

    /// <summary>An answer that counts towards the threshold (retriable_statuses).</summary>
    Retriable,

    /// <summary>No answer: refused, reset, malformed or too late. Counts towards the threshold.</summary>
    Network,

    /// <summary>It is another service that answers.</summary>
    WrongService,
}
