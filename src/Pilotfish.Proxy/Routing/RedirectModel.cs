using System.Buffers.Text;
using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled redirect. Building a Location allocates; redirected requests end here. Texts that are empty count as not set, as in Envoy.</summary>
public sealed class RedirectModel
{
    private byte[] _scheme = [];
    private byte[] _host = [];
    private uint _port;
    private byte[] _path = [];
    private byte[] _prefixRewrite = [];
    private RegexRewrite? _regexRewrite;
    private bool _stripQuery;

    private RedirectModel()
    {
    }

    public int Status { get; private set; }

    public static RedirectModel Compile(RedirectAction action, string field) => new()
    {
        _scheme = action.HttpsRedirect ? "https"u8.ToArray() : Encoding.UTF8.GetBytes(action.SchemeRedirect),
        _host = Encoding.UTF8.GetBytes(action.HostRedirect),
        _port = action.PortRedirect,
        _path = Encoding.UTF8.GetBytes(action.PathRedirect),
        _prefixRewrite = Encoding.UTF8.GetBytes(action.PrefixRewrite),
        _regexRewrite = RegexRewrite.Compile(action.RegexRewrite, $"{field}.regex_rewrite"),
        _stripQuery = action.StripQuery,
        Status = action.ResponseCode switch
        {
            RedirectAction.Types.RedirectResponseCode.Found => 302,
            RedirectAction.Types.RedirectResponseCode.SeeOther => 303,
            RedirectAction.Types.RedirectResponseCode.TemporaryRedirect => 307,
            RedirectAction.Types.RedirectResponseCode.PermanentRedirect => 308,
            _ => 301,
        },
    };

    public static RedirectModel ToHttps() => new() { _scheme = "https"u8.ToArray(), Status = 301 };

    /// <summary>Changes nothing: where a direct response that moved or was created is found.</summary>
    public static RedirectModel ToItself { get; } = new();

    public byte[] Location(HeaderMap headers, PathMatch? matched)
    {
        ReadOnlySpan<byte> scheme = _scheme;
        if (scheme.IsEmpty)
        {
            scheme = headers.TryGet(WellKnownHeader.Scheme, out ReadOnlySpan<byte> own) ? own : "http"u8;
        }

        ReadOnlySpan<byte> path = Path(headers[WellKnownHeader.Path], matched);
        ReadOnlySpan<byte> slash = path.StartsWith("/"u8) ? default : "/"u8;
        return [.. scheme, .. "://"u8, .. Host(headers, scheme), .. slash, .. path];
    }

    private ReadOnlySpan<byte> Host(HeaderMap headers, ReadOnlySpan<byte> scheme)
    {
        ReadOnlySpan<byte> authority = headers[WellKnownHeader.Authority];
        int colon = authority.LastIndexOf((byte)':');
        colon = colon > authority.LastIndexOf((byte)']') ? colon : -1;
        ReadOnlySpan<byte> host = _host.Length > 0 ? _host : colon >= 0 ? authority[..colon] : authority;
        if (_port != 0)
        {
            Span<byte> digits = stackalloc byte[16];
            Utf8Formatter.TryFormat(_port, digits, out int length);
            byte[] whole = [.. host, (byte)':', .. digits[..length]];
            return whole;
        }

        return _host.Length > 0 || colon < 0 || IsDefaultPort(headers, scheme, authority[(colon + 1)..]) ? host : authority;
    }

    // A port that is the default of what the client spoke would be wrong under another scheme. What it spoke is told by x-forwarded-proto, which
    // the URL of an HTTP/1.1 request does not change (http/utility.cc processRequestHost).
    private static bool IsDefaultPort(HeaderMap headers, ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> port)
    {
        ReadOnlySpan<byte> before = headers[WellKnownHeader.XForwardedProto];
        return !before.SequenceEqual(scheme)
            && ((before.SequenceEqual("http"u8) && port.SequenceEqual("80"u8)) || (before.SequenceEqual("https"u8) && port.SequenceEqual("443"u8)));
    }

    private ReadOnlySpan<byte> Path(ReadOnlySpan<byte> path, PathMatch? matched)
    {
        bool ownQuery = _path.AsSpan().Contains((byte)'?');
        if (ownQuery)
        {
            // A redirect path with a query of its own replaces the old one, and is not stripped.
            return _path;
        }

        if (_path.Length > 0)
        {
            int query = path.IndexOf((byte)'?');
            path = (byte[])[.. _path, .. query < 0 ? default : path[query..]];
        }
        else if (_prefixRewrite.Length > 0)
        {
            path = (byte[])[.. _prefixRewrite, .. path[Math.Min(matched?.MatchedLength(path) ?? 0, path.Length)..]];
        }
        else if (_regexRewrite is not null)
        {
            ReadOnlySpan<byte> only = QueryString.PathOnly(path);
            byte[] rewritten = _regexRewrite.Apply(only);
            path = rewritten.Length == 0 ? path : (byte[])[.. rewritten, .. path[only.Length..]];
        }

        int end = _stripQuery ? path.IndexOf((byte)'?') : -1;
        return end < 0 ? path : path[..end];
    }
}
