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

        bool privateNetwork = headers[WellKnownHeader.AccessControlRequestPrivateNetwork].SequenceEqual("true"u8);
        Stream.Reply(200, [], s_preflight, allowed ? response => AddPreflightHeaders(response, privateNetwork) : null);
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

    private void AddPreflightHeaders(HeaderMap headers, bool privateNetwork)
    {
        AddOrigin(headers);
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlAllowMethods, policy.AllowMethods);
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlAllowHeaders, policy.AllowHeaders);
        SetUnlessEmpty(headers, WellKnownHeader.AccessControlMaxAge, policy.MaxAge);
        if (privateNetwork && policy.AllowPrivateNetworkAccess)
        {
            headers.Set(WellKnownHeader.AccessControlAllowPrivateNetwork, "true"u8);
        }
    }

    private void AddOrigin(HeaderMap headers)
    {
        headers.Set(WellKnownHeader.AccessControlAllowOrigin, _origin);
        if (policy.AllowCredentials)
        {
            headers.Set(WellKnownHeader.AccessControlAllowCredentials, "true"u8);
        }
    }

    private static void SetUnlessEmpty(HeaderMap headers, WellKnownHeader header, byte[] value)
    {
        if (value.Length > 0)
        {
            headers.Set(header, value);
        }
    }
}
