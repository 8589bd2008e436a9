using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// What one downstream request or connection changes about the upstream transport (istio.alpn, auto_sni). Connections made with
/// different overrides are not interchangeable, so it is part of the pool key and compares by value.
/// </summary>
public sealed record UpstreamTransportOverrides
{
    /// <summary>ALPN names joined with commas in order of preference; null keeps the cluster's.</summary>
    public string? ApplicationProtocols { get; init; }

    public string? ServerName { get; init; }

    public string? VerifySubjectAltName { get; init; }

    /// <summary>What a PROXY header tells of the client; null without one.</summary>
    public ProxyProtocolFacts? ProxyProtocol { get; init; }

    /// <summary>What the cluster's transport_socket_matcher looks at of the filter state; null where it looks at none.</summary>
    public TransportMatchState? MatchState { get; init; }

    /// <summary>original_src: the address to connect from, not necessarily this host's; none leaves the cluster's.</summary>
    public NetAddress Source { get; init; }

    /// <summary>SO_MARK that goes with <see cref="Source"/>; 0 for none.</summary>
    public int Mark { get; init; }
}
