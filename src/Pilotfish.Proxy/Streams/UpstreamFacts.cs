using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Streams;

/// <summary>The upstream half of a stream: the last attempt's host and connection.</summary>
public struct UpstreamFacts
{
    /// <summary>False until a host was picked.</summary>
    public bool HasHost;

    public NetAddress HostAddress;
    public string? Hostname;
    public NetAddress LocalAddress;
    public NetAddress RemoteAddress;
    public bool IsConnected;
    public long ConnectionId;
    public HttpProtocol Protocol;
    public TlsSessionFacts? Tls;
    public DynamicMetadata? HostMetadata;

    /// <summary><c>%UPSTREAM_TRANSPORT_FAILURE_REASON%</c>.</summary>
    public string? TransportFailure;

    /// <summary>Attempts begun; 0 = never attempted.</summary>
    public int AttemptCount;
}
