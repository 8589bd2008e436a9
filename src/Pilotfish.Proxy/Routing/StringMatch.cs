using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled StringMatcher. Immutable; compares bytes, never makes a string.</summary>
public sealed class StringMatch
{
    private readonly Kind _kind;
    private readonly byte[] _text;
    private readonly bool _ignoreCase;
    private readonly Re2Regex? _regex;

    private StringMatch(Kind kind, string text, bool ignoreCase, Re2Regex? regex = null)
    {
        _kind = kind;
        _text = Encoding.UTF8.GetBytes(ignoreCase ? text.ToLowerInvariant() : text);
        _ignoreCase = ignoreCase;
        _regex = regex;
    }

    private enum Kind : byte
    {
        Exact,
        Prefix,
        Suffix,
        Contains,
        Regex,
    }

    public static StringMatch Exact(string text) => new(Kind.Exact, text, ignoreCase: false);

    public static StringMatch Prefix(string text) => new(Kind.Prefix, text, ignoreCase: false);

    public static StringMatch Suffix(string text) => new(Kind.Suffix, text, ignoreCase: false);

    public static StringMatch Contains(string text) => new(Kind.Contains, text, ignoreCase: false);

    public static StringMatch Regex(RegexMatcher matcher, string field) => new(Kind.Regex, "", false, CompileRegex(matcher, field));

    public static StringMatch Compile(StringMatcher matcher, string field) => matcher.MatchPatternCase switch
    {
        StringMatcher.MatchPatternOneofCase.Exact => new StringMatch(Kind.Exact, matcher.Exact, matcher.IgnoreCase),
        StringMatcher.MatchPatternOneofCase.Prefix => new StringMatch(Kind.Prefix, matcher.Prefix, matcher.IgnoreCase),
        StringMatcher.MatchPatternOneofCase.Suffix => new StringMatch(Kind.Suffix, matcher.Suffix, matcher.IgnoreCase),
        StringMatcher.MatchPatternOneofCase.Contains => new StringMatch(Kind.Contains, matcher.Contains, matcher.IgnoreCase),
        StringMatcher.MatchPatternOneofCase.SafeRegex => Regex(matcher.SafeRegex, $"{field}.safe_regex"),
        StringMatcher.MatchPatternOneofCase.Custom => throw new ConfigRejectedException(
            $"{field}.custom", $"the string matcher '{matcher.Custom.Name}' does not exist in Pilotfish"),
        _ => throw new ConfigRejectedException(field, "the string matcher has no pattern"),
    };

    public static Re2Regex CompileRegex(RegexMatcher matcher, string field)
    {
        try
        {
            return Re2Regex.Compile(matcher.Regex);
        }
        catch (Re2SyntaxException exception)
        {
            throw new ConfigRejectedException($"{field}.regex", exception.Message, exception);
        }
    }

    public bool Matches(ReadOnlySpan<byte> value) => _kind switch
    {
        Kind.Exact => value.Length == _text.Length && Same(value),
        Kind.Prefix => value.Length >= _text.Length && Same(value[.._text.Length]),
        Kind.Suffix => value.Length >= _text.Length && Same(value[^_text.Length..]),
        Kind.Contains => _ignoreCase ? ContainsIgnoreCase(value) : value.IndexOf(_text) >= 0,
        _ => _regex!.IsFullMatch(value),
    };

    private bool Same(ReadOnlySpan<byte> value) =>
        _ignoreCase ? Ascii.EqualsIgnoreCase(value, _text) : value.SequenceEqual(_text);

    private bool ContainsIgnoreCase(ReadOnlySpan<byte> value)
    {
        for (int i = 0; i + _text.Length <= value.Length; i++)
        {
            if (Ascii.EqualsIgnoreCase(value.Slice(i, _text.Length), _text))
            {
                return true;
            }
        }

        return false;
    }
}
