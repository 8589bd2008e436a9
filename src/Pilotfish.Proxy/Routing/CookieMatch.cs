using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled CookieMatcher; looks at a cookie's first value. A missing cookie satisfies only what is inverted. Immutable.</summary>
public sealed class CookieMatch
{
    // The proto's own bound (max_bytes).
    private const int NameBytesMax = 1024;

    private readonly byte[] _name;
    private readonly StringMatch _match;
    private readonly bool _invert;

    private CookieMatch(CookieMatcher matcher, string field)
    {
        _name = Encoding.UTF8.GetBytes(matcher.Name);
        _invert = matcher.InvertMatch;
        if (_name.Length is 0 or > NameBytesMax)
        {
            throw new ConfigRejectedException($"{field}.name", $"it has {_name.Length} bytes, and 1 to {NameBytesMax} are allowed");
        }

        _match = matcher.StringMatch is null
            ? throw new ConfigRejectedException($"{field}.string_match", "it is not set")
            : StringMatch.Compile(matcher.StringMatch, $"{field}.string_match");
    }

    public static CookieMatch[] CompileAll(IList<CookieMatcher> matchers, string field)
    {
        var compiled = new CookieMatch[matchers.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = new CookieMatch(matchers[i], $"{field}[{i}]");
        }

        return compiled;
    }

    public bool Matches(HeaderMap headers) =>
        (CookieHeader.TryGet(headers, _name, out ReadOnlySpan<byte> value) && _match.Matches(value)) != _invert;
}
