namespace Pilotfish.Proxy.Http2.Frames;

/// <summary>Frame types of RFC 9113 section 6; others are ignored (section 5.5).</summary>
internal enum FrameType : byte
{
    DATA = 0,
    HEADERS = 1,
    PRIORITY = 2,
    RST_STREAM = 3,
    SETTINGS = 4,
    PUSH_PROMISE = 5,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8,
    CONTINUATION = 9,

    /// <summary>Envoy's extension: fields that go beside the message, where allow_metadata is set.</summary>
    METADATA = 0x4d,
}
