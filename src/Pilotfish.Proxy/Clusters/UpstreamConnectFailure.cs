namespace Pilotfish.Proxy.Clusters;

/// <summary>Why a host gave no connection.</summary>
public enum UpstreamConnectFailure : byte
{
    None,

    /// <summary>max_connections of the cluster or the host.</summary>
    Overflow,

    /// <summary>The host refused, is unreachable, or the transport's handshake failed.</summary>
    Remote,
    Timeout,

    /// <summary>This side could not: no descriptor, no ephemeral port, no such source address.</summary>
    Local,

    /// <summary>The transport has no certificate or trust yet.</summary>
    SecretsNotReady,
}
