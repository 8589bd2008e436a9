using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Pilotfish.Language.Re2;

/// <summary>
/// A regular expression in RE2's syntax, matched in time linear in the input. Immutable and safe on any thread.
/// </summary>
public sealed class Re2Regex
{
    // Longer patterns make automata whose states would cost megabytes; Envoy's default warning level is about this size.
    public const int PatternCharsMax = 16 * 1024;

    // Inputs up to here are transcoded on the stack: longer than any header the codec's limits usually see.
    private const int StackChars = 512;

    private readonly Regex _full;
    private readonly Regex _partial;

    private Re2Regex(string pattern, string translated)
    {
        Pattern = pattern;
        const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
        _full = new Regex($@"\A(?:{translated})\z", Options);
        _partial = new Regex(translated, Options);
    }

    public string Pattern { get; }

    public static Re2Regex Compile(string pattern)
    {
        if (pattern.Length > PatternCharsMax)
        {
            throw new Re2SyntaxException(pattern[..64] + "...", $"it has {pattern.Length} characters, at most {PatternCharsMax} are allowed");
        }

        string translated = new Re2Translator(pattern).Translate();
        try
        {
            return new Re2Regex(pattern, translated);
        }
        catch (RegexParseException exception)
        {
            throw new Re2SyntaxException(pattern, $"{exception.Error}, at about character {exception.Offset}");
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            // The runtime's own texts are not in every executable.
            throw new Re2SyntaxException(pattern, "it is too large, or asks for what cannot be matched in linear time");
        }
    }

    /// <summary>Whether the whole input matches.</summary>
    public bool IsFullMatch(ReadOnlySpan<byte> utf8) => IsMatch(_full, utf8);

    public bool IsFullMatch(ReadOnlySpan<char> text) => _full.IsMatch(text);

    /// <summary>What each group of the pattern holds when the whole input matches, the empty string for one that took no part; null without a match.</summary>
    public string[]? FullMatchGroups(string text)
    {
        Match match = _full.Match(text);
        if (!match.Success)
        {
            return null;
        }

        string[] groups = new string[match.Groups.Count - 1];
        for (int i = 0; i < groups.Length; i++)
        {
            groups[i] = match.Groups[i + 1].Value;
        }

        return groups;
    }

    public bool IsPartialMatch(ReadOnlySpan<byte> utf8) => IsMatch(_partial, utf8);

    public bool IsPartialMatch(ReadOnlySpan<char> text) => _partial.IsMatch(text);

    /// <summary>Replaces every match; the substitution refers to groups as <c>\1</c>, to the match as <c>\0</c>.</summary>
    public string ReplaceAll(string input, string substitution) =>
        _partial.Replace(input, match => Expand(match, substitution));

    /// <summary>Whether a substitution uses only groups that the pattern has, and no other backslash than <c>\\</c>.</summary>
    public bool IsValidSubstitution(string substitution)
    {
        int groups = _partial.GetGroupNumbers().Length;
        for (int i = 0; i < substitution.Length; i++)
        {
            if (substitution[i] != '\\')
            {
                continue;
            }

            if (++i == substitution.Length)
            {
                return false;
            }

            bool isGroup = char.IsAsciiDigit(substitution[i]) && substitution[i] - '0' < groups;
            if (substitution[i] != '\\' && !isGroup)
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsMatch(Regex regex, ReadOnlySpan<byte> utf8)
    {
        char[]? rented = null;
        Span<char> chars = utf8.Length <= StackChars ? stackalloc char[StackChars] : (rented = ArrayPool<char>.Shared.Rent(utf8.Length));
        int count = Encoding.UTF8.GetChars(utf8, chars);
        bool matches = regex.IsMatch(chars[..count]);
        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }

        return matches;
    }

    private static string Expand(Match match, string substitution)
    {
        var text = new StringBuilder();
        for (int i = 0; i < substitution.Length; i++)
        {
            char c = substitution[i];
            if (c != '\\' || i + 1 == substitution.Length)
            {
                text.Append(c);
                continue;
            }

            char next = substitution[++i];
            text.Append(char.IsAsciiDigit(next) ? match.Groups[next - '0'].Value : next.ToString());
        }

        return text.ToString();
    }
}
