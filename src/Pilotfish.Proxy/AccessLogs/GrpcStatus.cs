using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>The gRPC status of a stream: from trailers, else from headers, else inferred from the HTTP status of a gRPC request.</summary>
internal static class GrpcStatus
{
    private static readonly string[] s_camel =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
        "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
        "DataLoss", "Unauthenticated",
    ];

    private static readonly string[] s_snake =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    /// <summary>-1 when the stream has none.</summary>
    public static int Of(StreamInfo info)
    {
        if (TryRead(info.ResponseTrailers, out int status) || TryRead(info.ResponseHeaders, out status))
        {
            return status;
        }

        if (info.RequestHeaders is null
            || !info.RequestHeaders.TryGet(WellKnownHeader.ContentType, out ReadOnlySpan<byte> type)
            || !type.StartsWith("application/grpc"u8))
        {
            return -1;
        }

        return FromHttp(info.ResponseCode);
    }

    /// <summary>Null for a number without a name.</summary>
    public static string? Name(int status, bool snake) =>
        (uint)status < (uint)s_camel.Length ? (snake ? s_snake : s_camel)[status] : null;

    private static bool TryRead(IHeaderReader? headers, out int status)
    {
        status = -1;
        return headers is not null
            && headers.TryGet(WellKnownHeader.GrpcStatus, out ReadOnlySpan<byte> value)
            && DecimalText.TryParse(value, out status);
    }

    // The table that gRPC publishes for responses that do not come from a gRPC server.
    internal static int FromHttp(int code) => code switch
    {
        0 => -1,
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 or 502 or 503 or 504 => 14,
        _ => 2,
    };
}
