using Pilotfish.Proxy.Streams;

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

    /// <summary>
    /// The node as expressions see it (xds.node). Made when first asked for: few processes ever do. Any thread; two that ask at once make
    /// equal ones.
    /// </summary>
    internal MetadataValue Facts => field ??= ReadFacts();

    private MetadataValue ReadFacts()
    {
        Envoy.Config.Core.V3.Node node = Envoy.Config.Core.V3.Node.Parser.ParseFrom(Message.Span);
        return MetadataValue.Of(
        [
            KeyValuePair.Create("id", MetadataValue.Of(Id)),
            KeyValuePair.Create("cluster", MetadataValue.Of(Cluster)),
            KeyValuePair.Create("metadata", node.Metadata is { } metadata ? MetadataValue.Of(metadata) : MetadataValue.Of([])),
            KeyValuePair.Create("locality", MetadataValue.Of(
            [
                KeyValuePair.Create("region", MetadataValue.Of(Region)),
                KeyValuePair.Create("zone", MetadataValue.Of(Zone)),
                KeyValuePair.Create("sub_zone", MetadataValue.Of(SubZone)),
            ])),
            KeyValuePair.Create("user_agent_name", MetadataValue.Of(node.UserAgentName)),
        ]);
    }
}
