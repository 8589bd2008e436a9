namespace Pilotfish.Proxy.Http2.Frames;

/// <summary>Settings of RFC 9113 section 6.5.2 and RFC 8441 section 3.</summary>
internal enum SettingId : ushort
{
    HEADER_TABLE_SIZE = 1,
    ENABLE_PUSH = 2,
    MAX_CONCURRENT_STREAMS = 3,
    INITIAL_WINDOW_SIZE = 4,
    MAX_FRAME_SIZE = 5,
    MAX_HEADER_LIST_SIZE = 6,
    ENABLE_CONNECT_PROTOCOL = 8,
}
