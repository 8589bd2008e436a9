using System.Text;
using Pilotfish.Language.Formats;
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
        if (stream.WeightedCluster?.HostRewrite is { } ofCluster)
        {
            // As if the client had asked for it: neither kept nor forwarded, and the route's own rewrite counts over it.
            stream.RequestHeaders.Set(WellKnownHeader.Authority, ofCluster);
        }

        // Before the route's own rewrite, to whose host the client's port would not belong.
        if (stream.ConnectPort is { } port)
        {
            RestorePort(stream.RequestHeaders, port);
        }

        RewriteHost(stream, forward, suppressEnvoyHeaders);
        if (forward.PathRewrite is { } rewrite)
        {
            RewritePath(stream, rewrite, suppressEnvoyHeaders);
        }
        else if (stream.HiddenPath is not null)
        {
            stream.RestorePath();
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

    /// <summary>The host's DNS name as authority, once the host is known. Another attempt's name is not the client's, so only the first is kept.</summary>
    public static void ApplyAutoHost(HttpStream stream, ForwardModel forward, string hostname, bool suppressEnvoyHeaders)
    {
        if (forward.AutoHostRewrite && hostname.Length > 0)
        {
            bool keepsOriginal = !suppressEnvoyHeaders && stream.Info.Upstream.AttemptCount <= 1;
            SetHost(stream.RequestHeaders, forward, Encoding.ASCII.GetBytes(hostname), keepsOriginal);
        }
    }

    private static void ApplyMutations(HttpStream stream)
    {
        // The weighted cluster's come first in either order, as in Envoy (weighted_cluster_specifier.cc).
        RouteConfigModel config = stream.RouteConfig!;
        Apply(stream, stream.WeightedCluster?.RequestHeaders);
        if (config.MostSpecificWins)
        {
            Apply(stream, config.RequestHeaders);
            Apply(stream, stream.VirtualHost!.RequestHeaders);
            Apply(stream, stream.Route!.RequestHeaders);
            return;
        }

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

    private static void RewritePath(HttpStream stream, PathRewrite rewrite, bool suppressEnvoyHeaders)
    {
        HeaderMap headers = stream.RequestHeaders;
        byte[] path = headers[WellKnownHeader.Path].ToArray();
        if (path.Length == 0 || rewrite.Apply(path, stream.Info, stream.Worker.Scratch) is not { } rewritten)
        {
            return;
        }

        if (!suppressEnvoyHeaders)
        {
            headers.Set(WellKnownHeader.XEnvoyOriginalPath, path);
        }

        headers.Set(WellKnownHeader.Path, rewritten);
    }

    // Before the path is rewritten: host_rewrite_path_regex sees the client's (config_impl.cc finalizeRequestHeaders).
    private static void RewriteHost(HttpStream stream, ForwardModel forward, bool suppressEnvoyHeaders)
    {
        if (NewHost(stream, forward) is { Length: > 0 } host)
        {
            SetHost(stream.RequestHeaders, forward, host, keepsOriginal: !suppressEnvoyHeaders);
        }
    }

    private static byte[]? NewHost(HttpStream stream, ForwardModel forward)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (forward.HostRewrite is { } literal)
        {
            return literal;
        }

        if (forward.HostRewriteHeader is { } name)
        {
            return headers.TryGet(name, out ReadOnlySpan<byte> named) ? named.ToArray() : null;
        }

        if (forward.HostRewritePathRegex is { } regex)
        {
            return regex.Apply(QueryString.PathOnly(headers[WellKnownHeader.Path]));
        }

        if (forward.HostRewriteFormat is not { } format)
        {
            return null;
        }

        FormatOutput scratch = stream.Worker.Scratch;
        scratch.Clear();
        format.Append(scratch, stream.Info);
        return scratch.Written.ToArray();
    }

    private static void SetHost(HeaderMap headers, ForwardModel forward, byte[] host, bool keepsOriginal)
    {
        byte[] before = headers[WellKnownHeader.Authority].ToArray();
        if (forward.AppendForwardedHost && before.Length > 0 && !LastForwardedHost(headers).SequenceEqual(before))
        {
            headers.AppendValue(WellKnownHeader.XForwardedHost, ","u8, before);
        }

        if (keepsOriginal)
        {
            headers.Set(WellKnownHeader.XEnvoyOriginalHost, before);
        }

        headers.Set(WellKnownHeader.Authority, host);
    }

    private static ReadOnlySpan<byte> LastForwardedHost(HeaderMap headers)
    {
        ReadOnlySpan<byte> hosts = headers[WellKnownHeader.XForwardedHost];
        return hosts[(hosts.LastIndexOf((byte)',') + 1)..].Trim((byte)' ');
    }
}
