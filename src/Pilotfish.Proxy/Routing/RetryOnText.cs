using System.Text;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Reads comma-separated retry conditions. Unknown ones are passed over, as Envoy does; so is http3-post-connect-failure, whose cause
/// does not occur without HTTP/3.
/// </summary>
public static class RetryOnText
{
    private static readonly Dictionary<string, RetryOn> s_names = new(StringComparer.Ordinal)
    {
        ["5xx"] = RetryOn.ServerError,
        ["gateway-error"] = RetryOn.GatewayError,
        ["reset"] = RetryOn.Reset,
        ["reset-before-request"] = RetryOn.ResetBeforeRequest,
        ["connect-failure"] = RetryOn.ConnectFailure,
        ["envoy-ratelimited"] = RetryOn.EnvoyRateLimited,
        ["retriable-4xx"] = RetryOn.Retriable4xx,
        ["refused-stream"] = RetryOn.RefusedStream,
        ["retriable-status-codes"] = RetryOn.RetriableStatusCodes,
        ["retriable-headers"] = RetryOn.RetriableHeaders,
        ["cancelled"] = RetryOn.GrpcCancelled,
        ["deadline-exceeded"] = RetryOn.GrpcDeadlineExceeded,
        ["internal"] = RetryOn.GrpcInternal,
        ["resource-exhausted"] = RetryOn.GrpcResourceExhausted,
        ["unavailable"] = RetryOn.GrpcUnavailable,
    };

    public static RetryOn Parse(string text)
    {
        RetryOn conditions = RetryOn.None;
        foreach (string name in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            conditions |= s_names.GetValueOrDefault(name);
        }

        return conditions;
    }

    /// <summary>Whether every condition of the list is known: those of gRPC statuses, or the others.</summary>
    public static bool KnowsAll(ReadOnlySpan<byte> text, bool grpc)
    {
        foreach (string name in Encoding.ASCII.GetString(text).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!s_names.TryGetValue(name, out RetryOn condition) || ((condition & RetryOn.AnyGrpc) != 0) != grpc)
            {
                return false;
            }
        }

        return true;
    }

    public static RetryOn Parse(ReadOnlySpan<byte> text) => Parse(Encoding.ASCII.GetString(text));
}
