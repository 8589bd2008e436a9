using System.Globalization;
using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled redirect. Building a Location allocates; redirected requests end here.</summary>
public sealed class RedirectModel
{
    private string? _scheme;
    private string _host = "";
    private uint _port;
    private string? _path;
    private string? _prefixRewrite;
    private RegexRewrite? _regexRewrite;
    private bool _stripQuery;

    private RedirectModel()
    {
    }

    public int Status { get; private set; }

    public static RedirectModel Compile(RedirectAction action, string field) => new()
    {
        _scheme = action.SchemeRewriteSpecifierCase switch
        {
            RedirectAction.SchemeRewriteSpecifierOneofCase.HttpsRedirect when action.HttpsRedirect => "https",
            RedirectAction.SchemeRewriteSpecifierOneofCase.SchemeRedirect => action.SchemeRedirect,
            _ => null,
        },
        _host = action.HostRedirect,
        _port = action.PortRedirect,
        _path = action.PathRewriteSpecifierCase == RedirectAction.PathRewriteSpecifierOneofCase.PathRedirect ? action.PathRedirect : null,
        _prefixRewrite = action.PathRewriteSpecifierCase == RedirectAction.PathRewriteSpecifierOneofCase.PrefixRewrite
            ? action.PrefixRewrite
            : null,
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

    public static RedirectModel ToHttps() => new() { _scheme = "https", Status = 301 };

    public string Location(HeaderMap headers, PathMatch? matched)
    {
        string scheme = Text(headers[WellKnownHeader.Scheme]);
        scheme = scheme.Length == 0 ? "http" : scheme;
        string finalScheme = _scheme ?? scheme;
        string authority = Text(headers[WellKnownHeader.Authority]);
        return string.Concat(finalScheme, "://", Host(authority, scheme, finalScheme), Path(headers[WellKnownHeader.Path], matched));
    }

    private string Host(string authority, string scheme, string finalScheme)
    {
        int colon = authority.LastIndexOf(':');
        bool hasPort = colon > authority.LastIndexOf(']') && colon >= 0;
        string host = _host.Length > 0 ? _host : hasPort ? authority[..colon] : authority;
        if (_port != 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{host}:{_port}");
        }

        if (_host.Length > 0 || !hasPort)
        {
            return host;
        }

        // A port that is the old scheme's default would be wrong under the new one.
        string port = authority[(colon + 1)..];
        bool schemeChanges = finalScheme != scheme;
        bool isDefault = (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
        return schemeChanges && isDefault ? host : authority;
    }

    private string Path(ReadOnlySpan<byte> path, PathMatch? matched)
    {
        int queryStart = path.IndexOf((byte)'?');
        string query = queryStart < 0 || _stripQuery ? "" : Text(path[queryStart..]);
        ReadOnlySpan<byte> only = queryStart < 0 ? path : path[..queryStart];
        if (_path is not null)
        {
            // A redirect path with a query of its own replaces the old one.
            return _path.Contains('?') ? _path : _path + query;
        }

        if (_prefixRewrite is not null)
        {
            return _prefixRewrite + Text(only[Math.Min(matched?.MatchedLength(path) ?? 0, only.Length)..]) + query;
        }

        return _regexRewrite is null ? Text(only) + query : Text(_regexRewrite.Apply(only)) + query;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
