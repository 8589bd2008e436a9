namespace Pilotfish.Proxy.Http2;

/// <summary>What came of a METADATA frame.</summary>
internal enum MetadataStatus : byte
{
    NeedMore,
    Complete,

    /// <summary>More than max_metadata_size.</summary>
    TooLarge,

    /// <summary>No HPACK.</summary>
    Invalid,
}
