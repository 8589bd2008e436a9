using Pilotfish.Language.Re2;

namespace Pilotfish.Proxy.Stats;

/// <summary>One pattern over a statistic's name, as Envoy's StringMatcher has them.</summary>
internal sealed class StatNamePattern
{
    private readonly string _text;
    private readonly Re2Regex? _regex;
    private readonly PatternKind _kind;
    private readonly StringComparison _comparison;

    public StatNamePattern(PatternKind kind, string text, bool ignoreCase = false)
    {
        _kind = kind;
        _text = text;
        _comparison = ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
    }

    /// <summary>The expression must match the whole name.</summary>
    public StatNamePattern(Re2Regex wholeName)
    {
        _kind = PatternKind.Regex;
        _text = "";
        _regex = wholeName;
    }

    internal enum PatternKind : byte
    {
        Exact,
        Prefix,
        Suffix,
        Contains,
        Regex,
    }

    public bool Matches(string name) => _kind switch
    {
        PatternKind.Exact => name.Equals(_text, _comparison),
        PatternKind.Prefix => name.StartsWith(_text, _comparison),
        PatternKind.Suffix => name.EndsWith(_text, _comparison),
        PatternKind.Contains => name.Contains(_text, _comparison),
        _ => _regex!.IsFullMatch(name),
    };
}
