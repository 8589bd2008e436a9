namespace Pilotfish.Proxy.Config;

/// <summary>Who this proxy is, as the bootstrap's node and the command line say.</summary>
public sealed record LocalNode
{
    public required string Id { get; init; }

    public required string Cluster { get; init; }

    public string Region { get; init; } = "";

    public string Zone { get; init; } = "";

    public string SubZone { get; init; } = "";

    /// <summary>The bytes of the node's core.v3.Node message, metadata included, for the first request to a control plane.</summary>
    public ReadOnlyMemory<byte> Message { get; init; }
}
