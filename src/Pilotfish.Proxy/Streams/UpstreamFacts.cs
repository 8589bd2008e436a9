using Pilotfish.Proxy.Clusters;
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

    /// <summary>What discovery says about the host.</summary>
    public EndpointMetadata? Endpoint;

    /// <summary><c>%UPSTREAM_TRANSPORT_FAILURE_REASON%</c>.</summary>
    public string? TransportFailure;

    /// <summary>Attempts begun; 0 = never attempted.</summary>
    public int AttemptCount;

    /// <summary><c>%UPSTREAM_METADATA%</c>; null when discovery says nothing.</summary>
    public readonly DynamicMetadata? HostMetadata => Endpoint?.Fields;
}
