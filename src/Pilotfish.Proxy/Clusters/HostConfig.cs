using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>What discovery says about one endpoint.</summary>
public sealed record HostConfig(NetAddress Address, string Hostname)
{
    public uint Weight { get; init; } = 1;
    public uint Priority { get; init; }
    public Locality Locality { get; init; } = Locality.None;

    /// <summary>0 when the assignment states none.</summary>
    public uint LocalityWeight { get; init; }

    public HostHealth EdsHealth { get; init; }

    public EndpointMetadata Metadata { get; init; } = EndpointMetadata.Empty;

    /// <summary>Of the endpoint's locality; all its endpoints share the object.</summary>
    public EndpointMetadata LocalityMetadata { get; init; } = EndpointMetadata.Empty;

    /// <summary>What the endpoint adds to PROXY headers, in place of what its cluster adds of the same types.</summary>
    internal TlvTemplate[] ProxyTlvs { get; init; } = [];

    /// <summary>Where active checks go in place of the address; null = the address.</summary>
    public NetAddress? HealthCheckAddress { get; init; }

    /// <summary>Where active checks go when not to the address itself.</summary>
    public ushort HealthCheckPort { get; init; }

    /// <summary>The endpoint takes no part in active checks and counts as healthy to them.</summary>
    public bool ActiveHealthCheckDisabled { get; init; }

    public string HealthCheckHostname { get; init; } = "";

    /// <summary>More addresses of the same endpoint, tried in turn when the first refuses.</summary>
    public IReadOnlyList<NetAddress> AdditionalAddresses { get; init; } = [];

    public bool HasSameMetadata(HostConfig other) => Metadata.Equals(other.Metadata) && LocalityMetadata.Equals(other.LocalityMetadata);
}
