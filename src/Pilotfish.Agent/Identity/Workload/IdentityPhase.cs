namespace Pilotfish.Agent.Identity.Workload;

/// <summary>What <see cref="WorkloadIdentity"/> is at.</summary>
internal enum IdentityPhase
{
    /// <summary>Nobody wants a certificate, or there is nobody to ask.</summary>
    Idle,

    /// <summary>A key is being made.</summary>
    Keying,

    /// <summary>The authority is asked.</summary>
    Asking,

    /// <summary>After a failure, until the next attempt.</summary>
    Pausing,

    /// <summary>The certificate is good until it is to be renewed.</summary>
    Holding,

    /// <summary>The settings allow no certificate, or the process ends.</summary>
    Over,
}
