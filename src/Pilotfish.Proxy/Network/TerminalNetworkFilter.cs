namespace Pilotfish.Proxy.Network;

/// <summary>
/// The last filter of a chain (HCM, tcp_proxy), compiled: shared by all connections and workers, immutable. Started connections
/// are its own until it calls <see cref="DownstreamConnection.Finished"/>.
/// </summary>
public abstract class TerminalNetworkFilter
{
    /// <summary>Takes the connection over; runs on its worker and returns as soon as it would wait.</summary>
    public abstract void Start(DownstreamConnection connection);
}
