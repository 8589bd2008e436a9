namespace Pilotfish.Proxy.Clusters;

/// <summary>How an ORIGINAL_DST cluster finds its host and how long an unused host is kept.</summary>
public sealed record OriginalDestinationPolicy
{
    public const long DefaultCleanupMilliseconds = 5000;
    public const string DefaultHeaderName = "x-envoy-original-dst-host";

    public long CleanupMilliseconds { get; init; } = DefaultCleanupMilliseconds;

    public bool UsesHttpHeader { get; init; }

    /// <summary>The header's name in lower case.</summary>
    public byte[] HeaderName { get; init; } = [];

    /// <summary>0 keeps the destination's own port.</summary>
    public ushort PortOverride { get; init; }

    /// <summary>Metadata namespace and path that override the destination; empty when there is none.</summary>
    public string MetadataNamespace { get; init; } = "";

    public string[] MetadataPath { get; init; } = [];
}
