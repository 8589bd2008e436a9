using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled FilterStateMatcher: the text of an object in the filter state, or the IP address that it is. Immutable.</summary>
internal sealed class FilterStateMatch
{
    private readonly string _key;
    private readonly StringMatch? _text;
    private readonly CidrRange[] _ranges;

    private FilterStateMatch(FilterStateMatcher matcher, string field)
    {
        _key = matcher.Key.Length > 0 ? matcher.Key : throw new ConfigRejectedException($"{field}.key", "it names no object");
        switch (matcher.MatcherCase)
        {
            case FilterStateMatcher.MatcherOneofCase.StringMatch:
                _text = StringMatch.Compile(matcher.StringMatch, $"{field}.string_match");
                _ranges = [];
                break;
            case FilterStateMatcher.MatcherOneofCase.AddressMatch:
                _ranges = Ranges(matcher.AddressMatch, $"{field}.address_match.ranges");
                break;
            default:
                throw new ConfigRejectedException(field, "neither string_match nor address_match is set");
        }
    }

    public static FilterStateMatch[] CompileAll(IList<FilterStateMatcher> matchers, string field)
    {
        var compiled = new FilterStateMatch[matchers.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = new FilterStateMatch(matchers[i], $"{field}[{i}]");
        }

        return compiled;
    }

    /// <summary>False for an object that is not there, or has no text.</summary>
    public bool Matches(StreamInfo info)
    {
        if (info.FilterState?.Get(_key)?.PlainText is not { } text)
        {
            return false;
        }

        return _text is not null
            ? _text.Matches(Encoding.UTF8.GetBytes(text))
            : TryAddress(text, out NetAddress address) && Array.Exists(_ranges, range => range.Contains(address));
    }

    // Objects that hold an address print it alone, or with its port.
    private static bool TryAddress(string text, out NetAddress address) =>
        NetAddress.TryParseIp(text, 0, out address) || NetAddress.TryParse(text, out address);

    private static CidrRange[] Ranges(AddressMatcher matcher, string field)
    {
        var ranges = new CidrRange[matcher.Ranges.Count];
        for (int i = 0; i < ranges.Length; i++)
        {
            ranges[i] = NetAddress.TryParseIp(matcher.Ranges[i].AddressPrefix, 0, out NetAddress address)
                ? CidrRange.Create(address, (int)Math.Min(matcher.Ranges[i].PrefixLen ?? 0, 128))
                : throw new ConfigRejectedException(
                    $"{field}[{i}].address_prefix", $"'{matcher.Ranges[i].AddressPrefix}' is not an IP address");
        }

        return ranges;
    }
}
