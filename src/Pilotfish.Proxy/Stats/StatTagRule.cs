using System.Text.RegularExpressions;

namespace Pilotfish.Proxy.Stats;

/// <summary>
/// One rule of tag extraction: what its first group matches is cut from the name, its second group (else the first) is the
/// tag's value. A rule with a fixed value adds it to every statistic.
/// </summary>
internal sealed class StatTagRule
{
    // The rules come from the bootstrap, but names hold what a control plane pushed. Most are matched in a microsecond; what takes longer
    // is matched anew in linear time, so that neither a strange name nor a busy machine decides whether a report shows a label.
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(50);

    private readonly Regex? _regex;
    private readonly string _needle;
    private Regex? _linear;

    private StatTagRule(string tag, string? fixedValue, Regex? regex, string needle)
    {
        Tag = tag;
        FixedValue = fixedValue;
        _regex = regex;
        _needle = needle;
    }

    public string Tag { get; }

    public string? FixedValue { get; }

    // Internal for testing.
    internal string? Expression => _regex?.ToString();

    public static StatTagRule Fixed(string tag, string value) => new(tag, value, null, "");

    /// <summary>
    /// An expression in the syntax of ECMAScript that Envoy takes here; a name without the needle is not tried. Throws
    /// ArgumentException.
    /// </summary>
    public static StatTagRule Of(string tag, string expression, string needle = "") =>
        new(tag, null, new Regex(Translate(expression), RegexOptions.CultureInvariant, s_limit), needle);

    /// <summary>Finds the tag in a full name: the value, and the range to cut.</summary>
    public bool TryFind(string name, out string value, out int start, out int length)
    {
        value = "";
        start = 0;
        length = 0;
        if (_regex is null || (_needle.Length > 0 && !name.Contains(_needle, StringComparison.Ordinal)))
        {
            return false;
        }

        Match match;
        try
        {
            match = _regex.Match(name);
        }
        catch (RegexMatchTimeoutException)
        {
            match = MatchLinear(name);
        }

        if (!match.Success || match.Groups.Count < 2)
        {
            return false;
        }

        Group cut = match.Groups[1];
        value = (match.Groups.Count > 2 ? match.Groups[2] : cut).Value;
        start = cut.Index;
        length = cut.Length;
        return cut.Success;
    }

    private Match MatchLinear(string name)
    {
        try
        {
            _linear ??= new Regex(_regex!.ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return _linear.Match(name);
        }
        catch (NotSupportedException)
        {
            // An expression of the bootstrap that looks around or back. A report with a label less is better than none.
            return Match.Empty;
        }
    }

    // Classes of POSIX stand for themselves in .NET.
    private static string Translate(string expression) => expression
        .Replace("[:digit:]", "0-9", StringComparison.Ordinal)
        .Replace("[:alnum:]", "a-zA-Z0-9", StringComparison.Ordinal)
        .Replace("[:alpha:]", "a-zA-Z", StringComparison.Ordinal)
        .Replace("[:xdigit:]", "a-fA-F0-9", StringComparison.Ordinal);
}
