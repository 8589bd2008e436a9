using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Clusters;

/// <summary>What a pool or tcp_proxy asks of one connection to a host.</summary>
public readonly record struct UpstreamConnectOptions
{
    public RoutingPriority Priority { get; init; }

    /// <summary>A pool that has no connection may open one above max_connections, as Envoy does.</summary>
    public bool MayExceedLimit { get; init; }

    /// <summary>What the downstream connection changes about the transport (ALPN, SNI); null for none.</summary>
    public UpstreamTransportOverrides? Transport { get; init; }
}
