namespace Pilotfish.Runtime.Streams;

/// <summary>Why an operation on a stream or socket did not do what was asked. Failures are values here, never exceptions.</summary>
public enum IoError : byte
{
    None,

    /// <summary>Nothing to do now; await the asynchronous form.</summary>
    WouldBlock,

    /// <summary>CancelReceive or CancelSend ended the operation.</summary>
    Canceled,

    /// <summary>This side closed the stream.</summary>
    Closed,
    ConnectionReset,
    ConnectionRefused,

    /// <summary>The peer no longer reads.</summary>
    BrokenPipe,
    TimedOut,
    HostUnreachable,
    NetworkUnreachable,
    AddressInUse,

    /// <summary>No such local address, or no ephemeral port is left for this destination.</summary>
    AddressNotAvailable,

    /// <summary>The process or the host has no file descriptor left.</summary>
    TooManyFiles,
    NoBuffers,
    PermissionDenied,
    TlsFailure,
    Other,
}
