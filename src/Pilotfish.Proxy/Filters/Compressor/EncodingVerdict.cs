namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>What the compressors of a chain made of one Accept-Encoding.</summary>
internal enum EncodingVerdict : byte
{
    /// <summary>No compressor was asked yet.</summary>
    None,

    /// <summary>The client named an encoding that one of them has.</summary>
    Named,

    /// <summary>The client would rather have the body as it is.</summary>
    Identity,

    /// <summary>The client leaves the choice.</summary>
    Wildcard,

    /// <summary>The client takes none of their encodings.</summary>
    NotValid,
}
