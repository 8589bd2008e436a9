using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled HeaderMatcher. Several values of one header are compared as one, joined by commas.</summary>
public sealed class HeaderMatch
{
    private readonly byte[] _name;
    private readonly WellKnownHeader _known;
    private readonly StringMatch? _match;
    private readonly long _rangeStart;
    private readonly long _rangeEnd;
    private readonly Kind _kind;
    private readonly bool _invert;
    private readonly bool _missingIsEmpty;

    private HeaderMatch(HeaderMatcher matcher, string field)
    {
        string name = matcher.Name.ToLowerInvariant();
        _name = Encoding.ASCII.GetBytes(name == "host" ? ":authority" : name);
        _known = WellKnownHeaders.Find(_name);
        _invert = matcher.InvertMatch;
        _missingIsEmpty = matcher.TreatMissingHeaderAsEmpty;
        (_kind, _match) = CompileKind(matcher, field);
        if (_kind == Kind.Range)
        {
            _rangeStart = matcher.RangeMatch.Start;
            _rangeEnd = matcher.RangeMatch.End;
        }
        else if (_kind == Kind.Present)
        {
            // present_match: false asks for absence; no specifier at all asks for presence.
            bool wanted = matcher.HeaderMatchSpecifierCase == HeaderMatcher.HeaderMatchSpecifierOneofCase.None || matcher.PresentMatch;
            _invert = wanted ? _invert : !_invert;
        }
    }

    private enum Kind : byte
    {
        Text,
        Range,
        Present,
    }

    public static HeaderMatch Compile(HeaderMatcher matcher, string field)
    {
        if (matcher.Name.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.name", "the header matcher names no header");
        }

        return new HeaderMatch(matcher, field);
    }

    public static HeaderMatch[] CompileAll(IList<HeaderMatcher> matchers, string field)
    {
        var compiled = new HeaderMatch[matchers.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Compile(matchers[i], $"{field}[{i}]");
        }

        return compiled;
    }

    public static bool AllMatch(HeaderMatch[] matches, HeaderMap headers)
    {
        foreach (HeaderMatch match in matches)
        {
            if (!match.Matches(headers))
            {
                return false;
            }
        }

        return true;
    }

    public bool Matches(HeaderMap headers)
    {
        int slot = Find(headers, 0);
        if (slot < 0)
        {
            if (_kind == Kind.Present)
            {
                return _invert;
            }

            // An absent header matches nothing, not even inverted, unless it counts as empty.
            return _missingIsEmpty && Compare([]) != _invert;
        }

        if (_kind == Kind.Present)
        {
            return !_invert;
        }

        int second = Find(headers, slot + 1);
        return second < 0 ? Compare(headers.At(slot).Value) != _invert : CompareJoined(headers, slot) != _invert;
    }

    private int Find(HeaderMap headers, int from) =>
        _known != WellKnownHeader.None ? headers.FindSlot(_known, from) : headers.FindOtherSlot(_name, from);

    private bool Compare(ReadOnlySpan<byte> value)
    {
        if (_kind == Kind.Range)
        {
            return DecimalText.TryParseSigned(value, out long number)
                && number >= _rangeStart && number < _rangeEnd;
        }

        return _match!.Matches(value);
    }

    private bool CompareJoined(HeaderMap headers, int slot)
    {
        // Repeated headers are rare; the joined value lives only for this comparison.
        var joined = new List<byte>();
        for (; slot >= 0; slot = Find(headers, slot + 1))
        {
            if (joined.Count > 0)
            {
                joined.Add((byte)',');
            }

            joined.AddRange(headers.At(slot).Value);
        }

        return Compare(joined.ToArray());
    }

    private static (Kind Kind, StringMatch? Match) CompileKind(HeaderMatcher matcher, string field) => matcher.HeaderMatchSpecifierCase switch
    {
        HeaderMatcher.HeaderMatchSpecifierOneofCase.ExactMatch => (Kind.Text, StringMatch.Exact(matcher.ExactMatch)),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.PrefixMatch => (Kind.Text, StringMatch.Prefix(matcher.PrefixMatch)),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.SuffixMatch => (Kind.Text, StringMatch.Suffix(matcher.SuffixMatch)),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.ContainsMatch => (Kind.Text, StringMatch.Contains(matcher.ContainsMatch)),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.SafeRegexMatch => (Kind.Text,
            StringMatch.Regex(matcher.SafeRegexMatch, $"{field}.safe_regex_match")),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.StringMatch => (Kind.Text,
            StringMatch.Compile(matcher.StringMatch, $"{field}.string_match")),
        HeaderMatcher.HeaderMatchSpecifierOneofCase.RangeMatch => (Kind.Range, null),
        _ => (Kind.Present, null),
    };
}
