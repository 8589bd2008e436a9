using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tls;

/// <summary>What stands between a socket and an upstream codec: nothing (raw_buffer) or TLS. Immutable; shared by workers.</summary>
public abstract class UpstreamTransport
{
    /// <summary>Bytes go as they are; the socket itself is the stream.</summary>
    public abstract bool IsRaw { get; }

    /// <summary>Whether the peer may be asked for names and protocols.</summary>
    public virtual bool Encrypts => !IsRaw;

    /// <summary>Whether it tells the host who the client is: connections of different clients are not interchangeable then.</summary>
    public virtual bool SendsProxyProtocol => false;

    /// <summary>`tls` or `raw_buffer`, for logs.</summary>
    public abstract string Name { get; }

    /// <summary>The cluster is used from here on: statistics of what does not change with each connection. Any thread.</summary>
    internal virtual void Show(StatScope scope)
    {
    }

    /// <summary>Shakes hands over a connected socket; the caller closes the socket when this fails.</summary>
    public abstract ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request);
}
