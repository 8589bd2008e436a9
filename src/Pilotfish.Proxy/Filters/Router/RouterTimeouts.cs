using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The global and per-try timeouts of one request: the route's, changed by headers that trusted clients send. 0 = none.</summary>
internal readonly record struct RouterTimeouts(long GlobalMilliseconds, long PerTryMilliseconds, bool HeaderAsked)
{
    /// <summary>Bound of one exchange with the upstream that a trusted client asked for; null = the cluster's.</summary>
    public long? StreamMilliseconds { get; private init; }

    /// <summary>Whether grpc-timeout tells the upstream of the timeout that counts (max_grpc_timeout is set).</summary>
    private bool AnnouncesToGrpc { get; init; }

    /// <summary>Whether a try that takes too long goes on beside another, so that each may use all of the request's time.</summary>
    private bool Hedges { get; init; }

    /// <summary>Whether a timeout is answered with 204 instead of 504.</summary>
    public bool AltResponse { get; private init; }

    public static RouterTimeouts Of(
        HttpStream stream, ForwardModel forward, RetryPolicyModel? retry, bool respectExpected, bool hedges)
    {
        HeaderMap headers = stream.RequestHeaders;
        bool announcesToGrpc = forward is { UsesStreamDuration: false, MaxGrpcTimeoutMilliseconds: not null } && GrpcText.IsGrpcRequest(headers);
        long global = announcesToGrpc ? OlderGrpcTimeout(headers, forward) : forward.TimeoutMilliseconds;
        long perTry = retry?.PerTryTimeoutMilliseconds ?? 0;
        bool asked = false;

        // max_stream_duration replaces the route's timeout, whatever it says.
        if (forward.UsesStreamDuration)
        {
            global = 0;
        }

        if (respectExpected && TryTake(headers, WellKnownHeader.XEnvoyExpectedRqTimeoutMs, out long expected))
        {
            global = expected;
            asked = true;
        }
        else if (TryTake(headers, WellKnownHeader.XEnvoyUpstreamRqTimeoutMs, out long timeout))
        {
            global = timeout;
            asked = true;
        }

        if (TryTake(headers, WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs, out long tryTimeout))
        {
            perTry = tryTimeout;
        }

        // A try may not outlive the request.
        perTry = global > 0 && perTry >= global ? 0 : perTry;
        bool alternative = headers.Remove(WellKnownHeader.XEnvoyUpstreamRqTimeoutAltResponse);
        long? duration = TryTake(headers, WellKnownHeader.XEnvoyUpstreamStreamDurationMs, out long most) ? most : null;
        return new RouterTimeouts(global, perTry, asked)
        {
            StreamMilliseconds = duration,
            AltResponse = alternative,
            AnnouncesToGrpc = announcesToGrpc,
            Hedges = hedges,
        };
    }

    /// <summary>Tells the upstream how long anybody waits for it: by grpc-timeout where that counts, and by Envoy's header unless suppressed.</summary>
    /// <param name="headers">The request's.</param>
    /// <param name="suppressed">Whether Envoy's headers are not wanted.</param>
    /// <param name="elapsedMilliseconds">What former attempts used of the time.</param>
    public void Announce(HeaderMap headers, bool suppressed, long elapsedMilliseconds)
    {
        long expected = PerTryMilliseconds > 0 && !Hedges ? PerTryMilliseconds : GlobalMilliseconds;
        if (expected <= 0)
        {
            return;
        }

        if (GlobalMilliseconds > 0)
        {
            // 0 would mean no timeout; the timer that ends the request is about to fire.
            expected = Math.Min(expected, Math.Max(1, GlobalMilliseconds - elapsedMilliseconds));
        }

        if (!suppressed)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyExpectedRqTimeoutMs, expected);
        }

        if (AnnouncesToGrpc)
        {
            GrpcText.SetTimeout(headers, expected);
        }
    }

    // grpc-timeout less the offset (unless nothing would be left), at most max_grpc_timeout; 0 = none, on both sides.
    private static long OlderGrpcTimeout(HeaderMap headers, ForwardModel forward)
    {
        GrpcText.TryReadTimeout(headers[WellKnownHeader.GrpcTimeout], out long timeout);
        long offset = forward.OlderGrpcTimeoutOffsetMilliseconds;
        timeout -= offset < timeout ? offset : 0;
        long most = forward.MaxGrpcTimeoutMilliseconds ?? 0;
        return most > 0 && (timeout == 0 || timeout > most) ? most : timeout;
    }

    private static bool TryTake(HeaderMap headers, WellKnownHeader header, out long milliseconds)
    {
        milliseconds = 0;
        bool ok = headers.TryGet(header, out ReadOnlySpan<byte> text)
            && DecimalText.TryParse(text, out milliseconds);
        headers.Remove(header);
        return ok;
    }
}
