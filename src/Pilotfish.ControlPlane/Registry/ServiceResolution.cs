namespace Pilotfish.ControlPlane.Registry;

/// <summary>How a client's sidecar finds the hosts of a service.</summary>
public enum ServiceResolution
{
    /// <summary>The control plane sends endpoints (EDS).</summary>
    ClientSideLb,

    /// <summary>The proxy resolves names and balances over every address.</summary>
    DnsLb,

    /// <summary>The proxy resolves names and uses one address at a time.</summary>
    DnsRoundRobin,

    /// <summary>The proxy goes where the application dialled (headless services, NONE).</summary>
    Passthrough,

    /// <summary>ExternalName: another name of something else; has no listener or cluster of its own.</summary>
    Alias,
}
