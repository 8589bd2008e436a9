using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Proxy.Http2.Frames;

/// <summary>Frame flags of RFC 9113 section 6; ACK and END_STREAM share a bit, as END_HEADERS and END_METADATA do.</summary>
[Flags]
[SuppressMessage("Design", "CA1069", Justification = "The RFC gives one bit two names.")]
internal enum FrameFlags : byte
{
    None = 0,
    END_STREAM = 0x1,
    ACK = 0x1,
    END_HEADERS = 0x4,
    END_METADATA = 0x4,
    PADDED = 0x8,
    PRIORITY = 0x20,
}
