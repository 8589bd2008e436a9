using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Listeners;

/// <summary>A compiled filter_chain_match; an empty list means "any".</summary>
internal sealed record FilterChainMatchModel
{
    /// <summary>0 = any port.</summary>
    public ushort DestinationPort { get; init; }

    public IReadOnlyList<CidrRange> DestinationPrefixes { get; init; } = [];

    /// <summary>Lower case; `.example.com` stands for `*.example.com`.</summary>
    public IReadOnlyList<string> ServerNames { get; init; } = [];

    public string TransportProtocol { get; init; } = "";

    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    public IReadOnlyList<CidrRange> DirectSourcePrefixes { get; init; } = [];

    public ConnectionSource Source { get; init; }

    public IReadOnlyList<CidrRange> SourcePrefixes { get; init; } = [];

    public IReadOnlyList<ushort> SourcePorts { get; init; } = [];
}
