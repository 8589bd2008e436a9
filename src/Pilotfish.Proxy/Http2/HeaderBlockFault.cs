namespace Pilotfish.Proxy.Http2;

/// <summary>Why a decoded header block cannot be a message.</summary>
internal enum HeaderBlockFault : byte
{
    None,

    /// <summary>A character that a name or value must not have.</summary>
    InvalidField,

    /// <summary>Pseudo-headers, connection headers, framing (RFC 9113 section 8).</summary>
    Messaging,
    TooLarge,
    TooMany,
    Underscore,
}
