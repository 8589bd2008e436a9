using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>
/// Cross-origin rules of one request (Fetch standard, "CORS protocol"): a preflight is answered here, another request's response gets the
/// headers that tell the browser it may show it.
/// </summary>
internal sealed class CorsFilter(CorsModel model, CompiledCorsPolicy policy, bool enabled) : HttpFilter
{
    private static readonly EndReason s_preflight = new(
        EndCause.FilterReply, EndSide.Proxy, ResponseDetails.CorsResponse, default, "The CORS policy of the route answers this preflight request.");

    private byte[]? _origin;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        ReadOnlySpan<byte> origin = headers[WellKnownHeader.Origin];
        bool allowed = policy.AllowsOrigin(origin);
        Stream.Worker.Stats.Add(allowed ? model.Stats.OriginValid : model.Stats.OriginInvalid);
        if (!enabled)
        {
            return FilterVerdict.Continue;
        }

        bool isPreflight = headers[WellKnownHeader.Method].SequenceEqual("OPTIONS"u8)
            && headers.TryGet(WellKnownHeader.AccessControlRequestMethod, out ReadOnlySpan<byte> method) && !method.IsEmpty;
        if (allowed)
        {
            _origin = origin.ToArray();
        }

        if (!isPreflight || (!allowed && policy.ForwardNotMatchingPreflights))
        {
            return FilterVerdict.Continue;
        }

        Stream.Reply(200, [], s_preflight, AddPreflightHeaders);
        return FilterVerdict.Pause;
    }

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        if (_origin is null)
        {
            return FilterVerdict.Continue;
        }

        AddOrigin(headers);
        if (policy.ExposeHeaders.Length > 0)
        {
            headers.Set(WellKnownHeader.AccessControlExposeHeaders, policy.ExposeHeaders);
        }

        return FilterVerdict.Continue;
    }

    // As in Envoy, an origin that is not allowed misses only access-control-allow-origin, which is the one that counts.
    private void AddPreflightHeaders(HeaderMap headers)
    {
        HeaderMap request = Stream.RequestHeaders;
        AddOrigin(headers);
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlAllowMethods,
            Asked(policy.AllowMethods, request[WellKnownHeader.AccessControlRequestMethod]));
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlAllowHeaders,
            Asked(policy.AllowHeaders, request.TryGet("access-control-request-headers"u8, out ReadOnlySpan<byte> names) ? names : default));
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlMaxAge, policy.MaxAge);
        if (policy.AllowPrivateNetworkAccess && request[WellKnownHeader.AccessControlRequestPrivateNetwork].SequenceEqual("true"u8))
        {
            headers.Set(WellKnownHeader.AccessControlAllowPrivateNetwork, "true"u8);
        }
    }

    private static ReadOnlySpan<byte> Asked(byte[] allowed, ReadOnlySpan<byte> asked) => allowed is [(byte)'*'] ? asked : allowed;

    private void AddOrigin(HeaderMap headers)
    {
        if (_origin is not null)
        {
            headers.Set(WellKnownHeader.AccessControlAllowOrigin, _origin);
        }

        if (policy.AllowCredentials)
        {
            headers.Set(WellKnownHeader.AccessControlAllowCredentials, "true"u8);
        }
    }

    private static void SetUnlessEmpty(HeaderMap headers, WellKnownHeader header, ReadOnlySpan<byte> value)
    {
        if (value.Length > 0)
        {
            headers.Set(header, value);
        }
    }
}
