namespace Pilotfish.Proxy.Reasons;

/// <summary>How an upstream stream (one attempt) ended without a complete response.</summary>
public enum StreamResetReason : byte
{
    LocalConnectionFailure,
    RemoteConnectionFailure,
    ConnectionTimeout,
    ConnectionTermination,
    LocalReset,
    LocalRefusedStreamReset,
    RemoteReset,
    RemoteRefusedStreamReset,
    Overflow,
    ProtocolError,
    OverloadManager,
}
