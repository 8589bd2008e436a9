using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Tls;

/// <summary>What stands between an accepted socket and the filters: nothing (raw_buffer) or TLS. Immutable; shared by workers.</summary>
public abstract class DownstreamTransport
{
    /// <summary>`tls` or `raw_buffer`.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Shakes hands: on success the connection's stream is the secured one and null is returned, else one clause that says why.
    /// </summary>
    public abstract ValueTask<string?> AcceptAsync(DownstreamConnection connection);
}
