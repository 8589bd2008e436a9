namespace Pilotfish.Runtime.Streams;

/// <summary>Words for <see cref="IoError"/>.</summary>
public static class IoErrors
{
    /// <summary>A clause for logs and failure reasons, without a full stop.</summary>
    public static string Describe(this IoError error) => error switch
    {
        IoError.None => "no error",
        IoError.WouldBlock => "the operation would block",
        IoError.Canceled => "the operation was cancelled",
        IoError.Closed => "the stream is closed on this side",
        IoError.ConnectionReset => "the peer reset the connection",
        IoError.ConnectionRefused => "the connection was refused",
        IoError.BrokenPipe => "the peer no longer receives",
        IoError.TimedOut => "the connection timed out",
        IoError.HostUnreachable => "no route to the host",
        IoError.NetworkUnreachable => "the network is unreachable",
        IoError.AddressInUse => "the address is in use",
        IoError.AddressNotAvailable => "the local address does not exist or its ports are exhausted",
        IoError.TooManyFiles => "no file descriptor is left (raise RLIMIT_NOFILE)",
        IoError.NoBuffers => "the kernel has no buffer space left",
        IoError.PermissionDenied => "permission denied",
        IoError.TlsFailure => "the TLS session failed",
        _ => "an unexpected system error",
    };
}
