using Pilotfish.Proxy.Reasons;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Network;

/// <summary>One network filter on one connection; the connection's loop only.</summary>
public abstract class NetworkFilterSession
{
    /// <summary>
    /// Decides before any byte flows. A completed null lets the connection on; a reason ends it. Waiting is allowed (ext_authz).
    /// </summary>
    public virtual ValueTask<EndReason?> OnNewConnectionAsync() => default;

    /// <summary>
    /// The stream that the next filter sees. A filter that wants bytes returns a stream around the given one
    /// (<see cref="ObservedByteStream"/>); returning the given one keeps the connection eligible for splice.
    /// </summary>
    public virtual IByteStream Wrap(IByteStream stream) => stream;

    /// <summary>The connection ended. Called once.</summary>
    public virtual void OnFinished(EndReason reason)
    {
    }
}
