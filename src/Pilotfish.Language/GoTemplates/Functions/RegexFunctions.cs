using System.Text.RegularExpressions;
using Pilotfish.Language.Re2;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions on regular expressions: Go's syntax, run without backtracking so that no pattern can stall a
/// rendering.</summary>
internal static class RegexFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        foreach (var prefix in new[] { "regex", "mustRegex" })
        {
            set.Add(prefix + "Match", 2, a => GoValue.From(Compile(a.Text(0)).IsMatch(a.Text(1))));
            set.Add(prefix + "Find", 2, a => GoValue.From(Compile(a.Text(0)).Match(a.Text(1)).Value));
            set.Add(prefix + "FindAll", 3, a => Arguments.FromTexts(
                Limit(Compile(a.Text(0)).Matches(a.Text(1)).Select(match => match.Value), a.Count(2))));
            set.Add(prefix + "Split", 3, a => Arguments.FromTexts(
                Compile(a.Text(0)).Split(a.Text(1), Math.Max(a.Count(2), 0))));
            set.Add(prefix + "ReplaceAll", 3, a => GoValue.From(
                Compile(a.Text(0)).Replace(a.Text(1), Replacement(a.Text(2)))));
            set.Add(prefix + "ReplaceAllLiteral", 3, a => GoValue.From(
                Compile(a.Text(0)).Replace(a.Text(1), a.Text(2).Replace("$", "$$", StringComparison.Ordinal))));
        }

        set.Add("regexQuoteMeta", 1, a => GoValue.From(string.Concat(
            a.Text(0).Select(c => "\\.+*?()|[]{}^$".Contains(c, StringComparison.Ordinal) ? "\\" + c : c.ToString()))));
    }

    private static Regex Compile(string pattern)
    {
        try
        {
            if (pattern.Length > Re2Regex.PatternCharsMax)
            {
                throw new GoFunctionException($"the regexp is longer than {Re2Regex.PatternCharsMax} characters");
            }

            return new Regex(
                new Re2Translator(pattern).Translate(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is Re2SyntaxException or ArgumentException or NotSupportedException)
        {
            throw new GoFunctionException($"error parsing regexp '{pattern}': {e.Message}");
        }
    }

    private static IEnumerable<string> Limit(IEnumerable<string> texts, int count) =>
        count < 0 ? texts : texts.Take(count);

    /// <summary>Go writes group references as ${1} or $1name; .NET reads only ${1} the same way.</summary>
    private static string Replacement(string go) =>
        Regex.Replace(go, @"\$(\w+)", "$${$1}", RegexOptions.NonBacktracking);
}
