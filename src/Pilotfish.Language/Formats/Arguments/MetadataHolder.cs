namespace Pilotfish.Language.Formats.Arguments;

/// <summary>Whose metadata the METADATA operators print.</summary>
public enum MetadataHolder : byte
{
    /// <summary>What filters said of the stream.</summary>
    Dynamic,

    Cluster,

    Route,

    UpstreamHost,

    Listener,

    ListenerFilterChain,

    VirtualHost,
}
