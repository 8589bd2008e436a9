namespace Pilotfish.Proxy.Http2;

/// <summary>
/// RFC 9113 section 5.1 without the reserved states, since push is disabled:
/// <code>Idle -> Open -> HalfClosedLocal  -> Closed
///              \-> HalfClosedRemote ->/</code>
/// </summary>
internal enum StreamState : byte
{
    Idle,
    Open,
    HalfClosedLocal,
    HalfClosedRemote,
    Closed,
}
