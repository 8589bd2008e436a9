namespace Pilotfish.Runtime.Interop;

/// <summary>What a call of libssl came to.</summary>
internal enum SslOutcome : byte
{
    Done,

    /// <summary>More of the peer's bytes are needed.</summary>
    WantRead,

    /// <summary>The peer said close_notify.</summary>
    End,

    /// <summary>The connection below ended without one.</summary>
    TransportEnd,

    /// <summary>The connection below failed.</summary>
    TransportFailed,

    /// <summary>The session is broken; the error says why.</summary>
    Failed,
}
