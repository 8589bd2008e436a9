using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Makes the client's head the upstream's: header mutations of every level, path and host rewrites.</summary>
internal static class RequestRewrite
{
    public static void Apply(HttpStream stream, ForwardModel forward, bool suppressEnvoyHeaders)
    {
        ApplyMutations(stream);
        HeaderMap headers = stream.RequestHeaders;
        if (forward.PrefixRewrite is not null || forward.PathRegexRewrite is not null)
        {
            RewritePath(stream.Route!, forward, headers, suppressEnvoyHeaders);
        }
        else if (stream.HiddenPath is not null)
        {
            stream.RestorePath();
        }

        RewriteHost(stream, forward, headers, suppressEnvoyHeaders);
        if (stream.ConnectPort is { } port)
        {
            RestorePort(headers, port);
        }
    }

    private static void RestorePort(HeaderMap headers, byte[] port)
    {
        ReadOnlySpan<byte> host = headers[WellKnownHeader.Authority];
        if (HostText.WithoutPort(host).Length == host.Length)
        {
            byte[] whole = [.. host, .. port];
            headers.Set(WellKnownHeader.Authority, whole);
        }
    }

    /// <summary>scheme_header_transformation.match_upstream.</summary>
    public static void ApplyScheme(HttpStream stream, UpstreamConnection connection)
    {
        if (stream.Hcm.SchemeMatchesUpstream)
        {
            stream.RequestHeaders.Set(WellKnownHeader.Scheme, connection.Stream.Tls is null ? "http"u8 : "https"u8);
        }
    }

    /// <summary>The host's DNS name as authority, once the host is known.</summary>
    public static void ApplyAutoHost(HttpStream stream, ForwardModel forward, string hostname)
    {
        if (forward.AutoHostRewrite && hostname.Length > 0)
        {
            SetHost(stream.RequestHeaders, forward, Encoding.ASCII.GetBytes(hostname), suppressEnvoyHeaders: false);
        }
    }

    private static void ApplyMutations(HttpStream stream)
    {
        RouteConfigModel config = stream.RouteConfig!;
        if (config.MostSpecificWins)
        {
            Apply(stream, config.RequestHeaders);
            Apply(stream, stream.VirtualHost!.RequestHeaders);
            Apply(stream, stream.Route!.RequestHeaders);
            Apply(stream, stream.WeightedCluster?.RequestHeaders);
            return;
        }

        Apply(stream, stream.WeightedCluster?.RequestHeaders);
        Apply(stream, stream.Route!.RequestHeaders);
        Apply(stream, stream.VirtualHost!.RequestHeaders);
        Apply(stream, config.RequestHeaders);
    }

    private static void Apply(HttpStream stream, HeaderMutations? mutations)
    {
        if (mutations is { IsEmpty: false })
        {
            mutations.Apply(stream.RequestHeaders, stream.Info, stream.Worker.Scratch);
        }
    }

    private static void RewritePath(RouteModel route, ForwardModel forward, HeaderMap headers, bool suppressEnvoyHeaders)
    {
        byte[] path = headers[WellKnownHeader.Path].ToArray();
        if (path.Length == 0)
        {
            return;
        }

        byte[] rewritten;
        if (forward.PrefixRewrite is { } prefix)
        {
            int matched = Math.Min(route.Matcher.Path.MatchedLength(path), path.Length);
            rewritten = [.. prefix, .. path.AsSpan(matched)];
        }
        else
        {
            int query = path.AsSpan().IndexOf((byte)'?');
            ReadOnlySpan<byte> only = query < 0 ? path : path.AsSpan(0, query);
            rewritten = [.. forward.PathRegexRewrite!.Apply(only), .. query < 0 ? [] : path.AsSpan(query)];
        }

        if (!suppressEnvoyHeaders && !rewritten.AsSpan().SequenceEqual(path))
        {
            headers.Set(WellKnownHeader.XEnvoyOriginalPath, path);
        }

        headers.Set(WellKnownHeader.Path, rewritten);
    }

    private static void RewriteHost(HttpStream stream, ForwardModel forward, HeaderMap headers, bool suppressEnvoyHeaders)
    {
        byte[]? host = stream.WeightedCluster?.HostRewrite ?? forward.HostRewrite;
        if (host is null && forward.HostRewriteHeader is { } name && headers.TryGet(name, out ReadOnlySpan<byte> named) && !named.IsEmpty)
        {
            host = named.ToArray();
        }

        if (host is null && forward.HostRewritePathRegex is { } regex)
        {
            host = regex.Apply(QueryString.PathOnly(headers[WellKnownHeader.Path]));
        }

        if (host is not null)
        {
            SetHost(headers, forward, host, suppressEnvoyHeaders);
        }
    }

    private static void SetHost(HeaderMap headers, ForwardModel forward, byte[] host, bool suppressEnvoyHeaders)
    {
        ReadOnlySpan<byte> before = headers[WellKnownHeader.Authority];
        if (before.SequenceEqual(host))
        {
            return;
        }

        byte[] original = before.ToArray();
        if (!suppressEnvoyHeaders && !headers.Has(WellKnownHeader.XEnvoyOriginalHost))
        {
            headers.Set(WellKnownHeader.XEnvoyOriginalHost, original);
        }

        if (forward.AppendForwardedHost)
        {
            headers.AppendValue(WellKnownHeader.XForwardedHost, ","u8, original);
        }

        headers.Set(WellKnownHeader.Authority, host);
    }
}
