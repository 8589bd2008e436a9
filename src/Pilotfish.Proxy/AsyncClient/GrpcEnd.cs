using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>How a gRPC call of the proxy's own ended: the server's status, or the one that a client gives to what went wrong.</summary>
/// <param name="Status">The server's, or by gRPC's mapping documents.</param>
/// <param name="Message">grpc-message decoded, or what went wrong. From the network: make it printable before it is logged.</param>
/// <param name="Failure"><see cref="AsyncFailureKind.None"/> when the server itself said so.</param>
/// <param name="TransportFailure">What a broken connection says of its end, in words; null when it says nothing.</param>
internal readonly record struct GrpcEnd(GrpcStatusCode Status, string Message, AsyncFailureKind Failure, string? TransportFailure = null)
{
    /// <summary>From the map that holds grpc-status: trailers, or the only header block of a response.</summary>
    public static GrpcEnd Of(HeaderMap trailers)
    {
        if (!trailers.TryGet(WellKnownHeader.GrpcStatus, out ReadOnlySpan<byte> text))
        {
            return new(GrpcStatusCode.Unknown, "The response has no grpc-status.", AsyncFailureKind.InvalidResponse);
        }

        bool isKnown = DecimalText.TryParse(text, out byte number)
            && number <= (byte)GrpcStatusCode.Unauthenticated;
        string message = trailers.TryGet(WellKnownHeader.GrpcMessage, out ReadOnlySpan<byte> encoded)
            ? Uri.UnescapeDataString(Encoding.Latin1.GetString(encoded))
            : "";
        return new(isKnown ? (GrpcStatusCode)number : GrpcStatusCode.Unknown, message, AsyncFailureKind.None);
    }

    /// <summary>For an HTTP status other than 200 without a grpc-status.</summary>
    public static GrpcEnd OfHttpStatus(int status) =>
        new((GrpcStatusCode)GrpcText.StatusOf(status), $"The server answered with HTTP status {status}.", AsyncFailureKind.InvalidResponse);

    public static GrpcEnd Of(in AsyncFailure failure) => new(StatusOf(failure), failure.Details, failure.Kind, failure.TransportFailure);

    private static GrpcStatusCode StatusOf(in AsyncFailure failure) => failure.Kind switch
    {
        AsyncFailureKind.DeadlineExceeded => GrpcStatusCode.DeadlineExceeded,
        AsyncFailureKind.ResponseTooLarge or AsyncFailureKind.MessageTooLarge => GrpcStatusCode.ResourceExhausted,
        AsyncFailureKind.InvalidResponse => GrpcStatusCode.Internal,
        AsyncFailureKind.Reset when failure.Reset is StreamResetReason.RemoteReset or StreamResetReason.ProtocolError =>
            GrpcStatusCode.Internal,
        _ => GrpcStatusCode.Unavailable,
    };
}
