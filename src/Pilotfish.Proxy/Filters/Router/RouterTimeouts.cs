using System.Buffers.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The global and per-try timeouts of one request: the route's, changed by headers that trusted clients send. 0 = none.</summary>
internal readonly record struct RouterTimeouts(long GlobalMilliseconds, long PerTryMilliseconds, bool HeaderAsked)
{
    /// <summary>Bound of one exchange with the upstream that a trusted client asked for; null = the cluster's.</summary>
    public long? StreamMilliseconds { get; private init; }

    /// <summary>Whether a timeout is answered with 204 instead of 504.</summary>
    public bool AltResponse { get; private init; }

    public static RouterTimeouts Of(HttpStream stream, ForwardModel forward, bool respectExpected)
    {
        HeaderMap headers = stream.RequestHeaders;
        long global = forward.TimeoutMilliseconds;
        long perTry = forward.Retry?.PerTryTimeoutMilliseconds ?? 0;
        bool asked = false;

        // A gRPC timeout bounds the stream, not the route's timeout, where the route looks at it.
        if (stream.IsGrpc && forward.GrpcTimeoutMaxMilliseconds is not null)
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
        return new RouterTimeouts(global, perTry, asked) { StreamMilliseconds = duration, AltResponse = alternative };
    }

    /// <summary>Tells the upstream how long anybody waits for it.</summary>
    public void Announce(HeaderMap headers)
    {
        long expected = PerTryMilliseconds > 0 ? PerTryMilliseconds : GlobalMilliseconds;
        if (expected > 0)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyExpectedRqTimeoutMs, expected);
        }
    }

    private static bool TryTake(HeaderMap headers, WellKnownHeader header, out long milliseconds)
    {
        milliseconds = 0;
        bool ok = headers.TryGet(header, out ReadOnlySpan<byte> text)
            && Utf8Parser.TryParse(text, out milliseconds, out int used) && used == text.Length && milliseconds >= 0;
        headers.Remove(header);
        return ok;
    }
}
