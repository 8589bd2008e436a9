using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// Turns a request into the one that a redirect asks for, if the route's policy lets it (Envoy: "HTTP internal redirects"). A request
/// that may not follow is left as it was and the client gets the redirect.
/// </summary>
internal static class InternalRedirects
{
    /// <param name="stream">The request whose response headers are a redirect.</param>
    /// <param name="policy">The policy of its route.</param>
    /// <param name="status">The redirect's status.</param>
    /// <param name="requestIsWhole">Whether all of the request was received and is still here.</param>
    /// <param name="dropsBody">Whether the new request has no body (303).</param>
    public static bool TryApply(HttpStream stream, InternalRedirectModel policy, int status, bool requestIsWhole, out bool dropsBody)
    {
        dropsBody = false;
        HcmStats stats = stream.Hcm.Stats;
        if (!requestIsWhole || !stream.ResponseHeaders.TryGet(WellKnownHeader.Location, out ReadOnlySpan<byte> location))
        {
            return false;
        }

        if (!RedirectTarget.TryParse(location, out RedirectTarget target))
        {
            return Pass(stream, stats.RedirectBadLocation);
        }

        HeaderMap headers = stream.RequestHeaders;

        // A client without TLS counts as http whatever a header says of it, as in Envoy.
        bool fromTls = stream.Info.Connection.Tls is not null && !headers[WellKnownHeader.Scheme].SequenceEqual("http"u8);
        if (fromTls != target.IsHttps && !policy.AllowsCrossScheme)
        {
            return Pass(stream, stats.RedirectUnsafeScheme);
        }

        if (stream.Redirects.Count >= policy.RedirectsMax)
        {
            return Pass(stream, stats.RedirectTooMany);
        }

        byte[] authority = headers[WellKnownHeader.Authority].ToArray();
        byte[] path = headers[WellKnownHeader.Path].ToArray();
        byte[] targetAuthority = location[target.Authority].ToArray();
        byte[] targetPath = target.PathOf(location);
        var before = new HeaderMap();
        before.CopyFrom(headers);

        // The new request's route is chosen by all that it will be, what it takes over from the redirect included.
        CopyHeaders(stream, policy);
        headers.Set(WellKnownHeader.Scheme, target.IsHttps ? "https"u8 : "http"u8);
        headers.Set(WellKnownHeader.Authority, targetAuthority);
        headers.Set(WellKnownHeader.Path, targetPath);
        RouteModel? route = stream.RouteConfig?.FindHost(headers)?.FindRoute(headers, stream.Info, stream.NextRandom());
        string from = stream.Route!.Name;
        Stats.Counter? refused = route is null ? stats.RedirectNoRoute
            : policy.Allows(from, route.Name, stream.Redirects, fromTls, target.IsHttps) ? null : stats.RedirectPredicate;
        if (refused is { } counter)
        {
            headers.CopyFrom(before);
            return Pass(stream, counter);
        }

        stream.Redirects.Add((from, route!.Name));
        headers.Set("x-envoy-original-url"u8, [.. fromTls ? "https"u8 : "http"u8, .. "://"u8, .. authority, .. path]);
        dropsBody = ChangeMethod(headers, status);
        return true;
    }

    private static bool Pass(HttpStream stream, Stats.Counter counter)
    {
        stream.Worker.Stats.Add(counter);
        return false;
    }

    // "See other" means: GET it (RFC 9110 section 15.4.4).
    private static bool ChangeMethod(HeaderMap headers, int status)
    {
        ReadOnlySpan<byte> method = headers[WellKnownHeader.Method];
        if (status != 303 || method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8))
        {
            return false;
        }

        headers.Set(WellKnownHeader.Method, "GET"u8);
        headers.Remove(WellKnownHeader.ContentLength);
        return true;
    }

    private static void CopyHeaders(HttpStream stream, InternalRedirectModel policy)
    {
        foreach (byte[] name in policy.ResponseHeadersToCopy)
        {
            stream.RequestHeaders.Remove(name);
            for (int slot = stream.ResponseHeaders.FindSlot(name); slot >= 0; slot = stream.ResponseHeaders.FindSlot(name, slot + 1))
            {
                stream.RequestHeaders.Add(name, stream.ResponseHeaders.At(slot).Value);
            }
        }
    }
}
