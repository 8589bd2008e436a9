using System.Runtime.InteropServices;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Interop;

/// <summary>Linux error numbers and what they mean to us.</summary>
internal static class Errno
{
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EAGAIN = 11;
    internal const int ENOMEM = 12;
    internal const int EACCES = 13;
    internal const int EINVAL = 22;
    internal const int ENFILE = 23;
    internal const int EMFILE = 24;
    internal const int ENOSPC = 28;
    internal const int EPIPE = 32;
    internal const int EPROTO = 71;
    internal const int EMSGSIZE = 90;
    internal const int EOPNOTSUPP = 95;
    internal const int EADDRINUSE = 98;
    internal const int EADDRNOTAVAIL = 99;
    internal const int ENETDOWN = 100;
    internal const int ENETUNREACH = 101;
    internal const int ECONNABORTED = 103;
    internal const int ECONNRESET = 104;
    internal const int ENOBUFS = 105;
    internal const int ENOTCONN = 107;
    internal const int ETIMEDOUT = 110;
    internal const int ECONNREFUSED = 111;
    internal const int EHOSTDOWN = 112;
    internal const int EHOSTUNREACH = 113;
    internal const int EINPROGRESS = 115;

    /// <summary>The system's own text, such as "Permission denied".</summary>
    internal static string Text(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    internal static IoError ToIoError(int errno) => errno switch
    {
        0 => IoError.None,
        EAGAIN => IoError.WouldBlock,
        ECONNRESET or ECONNABORTED => IoError.ConnectionReset,
        // A Unix socket whose file is missing has nobody listening, just as a closed port.
        ECONNREFUSED or ENOENT => IoError.ConnectionRefused,
        EPIPE or ENOTCONN => IoError.BrokenPipe,
        ETIMEDOUT => IoError.TimedOut,
        EHOSTUNREACH or EHOSTDOWN => IoError.HostUnreachable,
        ENETUNREACH or ENETDOWN => IoError.NetworkUnreachable,
        EADDRINUSE => IoError.AddressInUse,
        EADDRNOTAVAIL => IoError.AddressNotAvailable,
        EMFILE or ENFILE => IoError.TooManyFiles,
        ENOBUFS or ENOMEM => IoError.NoBuffers,
        EPERM or EACCES => IoError.PermissionDenied,
        _ => IoError.Other,
    };
}
