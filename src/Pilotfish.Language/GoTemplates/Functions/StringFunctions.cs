using System.Globalization;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions that trim, cut, join, search and repeat texts.</summary>
internal static class StringFunctions
{
    /// <summary>Characters that one call may produce; templates pad and indent by tens, so more is a mistake or an attack.</summary>
    private const int ProducedMax = 1_000_000;

    public static void AddTo(GoFunctionSet set)
    {
        AddTrimming(set);
        AddTests(set);
        AddShaping(set);
        set.Add("join", 2, a => GoValue.From(string.Join(a.AnyText(0), Arguments.Texts(a[1]))));
        set.Add("split", 2, a => GoValue.From(Split(a.Text(1).Split(a.Text(0)))));
        set.Add("splitn", 3, a => GoValue.From(Split(a.Text(2).Split(a.Text(0), a.Count(1)))));
        set.Add("splitList", 2, a => Arguments.FromTexts(a.Text(1).Split(a.Text(0))));
        set.Add("toStrings", 1, a => Arguments.FromTexts(Arguments.Texts(a[0])));
        set.Add("sortAlpha", 1, a =>
            Arguments.FromTexts(Arguments.Texts(a[0]).Order(StringComparer.Ordinal)));
        set.Add("plural", 3, a => GoValue.From(a.Count(2) == 1 ? a.Text(0) : a.Text(1)));
        set.AddVariadic("cat", 0, a => GoValue.From(string.Join(' ', a.Where(v => !v.IsNil).Select(GoFormat.Print))));
        set.AddVariadic("quote", 0, a =>
            GoValue.From(string.Join(' ', a.Where(v => !v.IsNil).Select(v => GoQuote.Quote(Arguments.AnyText(v))))));
        set.AddVariadic("squote", 0, a =>
            GoValue.From(string.Join(' ', a.Where(v => !v.IsNil).Select(v => $"'{Arguments.AnyText(v)}'"))));
    }

    private static void AddTrimming(GoFunctionSet set)
    {
        set.Add("trim", 1, a => GoValue.From(a.Text(0).Trim()));
        set.Add("trimAll", 2, a => GoValue.From(a.Text(1).Trim(a.Text(0).ToCharArray())));
        set.AddAlias("trimall", "trimAll");
        set.Add("trimSuffix", 2, a => GoValue.From(TrimSuffix(a.Text(1), a.Text(0))));
        set.Add("trimPrefix", 2, a => GoValue.From(TrimPrefix(a.Text(1), a.Text(0))));
        set.Add("nospace", 1, a => GoValue.From(string.Concat(a.Text(0).Where(c => !char.IsWhiteSpace(c)))));
        set.Add("trunc", 2, a => GoValue.From(Truncate(a.Count(0), a.Text(1))));
        set.Add("abbrev", 2, a => GoValue.From(Abbreviate(0, a.Count(0), a.Text(1))));
        set.Add("abbrevboth", 3, a => GoValue.From(Abbreviate(a.Count(0), a.Count(1), a.Text(2))));
        set.Add("substr", 3, a => GoValue.From(Substring(a.Count(0), a.Count(1), a.Text(2))));
        set.Add("initials", 1, a => GoValue.From(string.Concat(Words(a.Text(0)).Select(word => word[0]))));
    }

    private static void AddTests(GoFunctionSet set)
    {
        set.Add("contains", 2, a => GoValue.From(a.Text(1).Contains(a.Text(0), StringComparison.Ordinal)));
        set.Add("hasPrefix", 2, a => GoValue.From(a.Text(1).StartsWith(a.Text(0), StringComparison.Ordinal)));
        set.Add("hasSuffix", 2, a => GoValue.From(a.Text(1).EndsWith(a.Text(0), StringComparison.Ordinal)));
    }

    private static void AddShaping(GoFunctionSet set)
    {
        set.Add("replace", 3, a => GoValue.From(Replace(a.Text(2), a.Text(0), a.Text(1))));
        set.Add("repeat", 2, a => GoValue.From(Repeat(a.Count(0), a.Text(1))));
        set.Add("indent", 2, a => GoValue.From(Indent(a.Count(0), a.Text(1))));
        set.Add("nindent", 2, a => GoValue.From("\n" + Indent(a.Count(0), a.Text(1))));
        set.Add("wrap", 2, a => GoValue.From(Wrap(a.Text(1), a.Count(0), "\n")));
        set.Add("wrapWith", 3, a => GoValue.From(Wrap(a.Text(2), a.Count(0), a.Text(1))));
    }

    public static string[] Words(string text) =>
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string Indent(int spaces, string text)
    {
        CheckProduced((long)Math.Max(spaces, 0) * (text.Count(c => c == '\n') + 1));
        var pad = new string(' ', Math.Max(spaces, 0));
        return pad + text.Replace("\n", "\n" + pad, StringComparison.Ordinal);
    }

    private static string Repeat(int count, string text)
    {
        CheckProduced((long)count * text.Length);
        return count < 0
            ? throw new GoFunctionException("negative repeat count")
            : new StringBuilder().Insert(0, text, count).ToString();
    }

    private static string Replace(string text, string old, string replacement)
    {
        if (old.Length == 0)
        {
            // Go inserts the replacement around every character.
            return replacement + string.Concat(text.EnumerateRunes().Select(rune => rune + replacement));
        }

        return text.Replace(old, replacement, StringComparison.Ordinal);
    }

    private static void CheckProduced(long characters)
    {
        if (characters > ProducedMax)
        {
            throw new GoFunctionException($"the result would be longer than {ProducedMax} characters");
        }
    }

    private static string TrimSuffix(string text, string suffix) =>
        suffix.Length > 0 && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text;

    private static string TrimPrefix(string text, string prefix) =>
        text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text;

    /// <summary>The first characters, or the last ones when the count is negative.</summary>
    private static string Truncate(int count, string text)
    {
        if (count < 0)
        {
            return text.Length + count > 0 ? text[(text.Length + count)..] : text;
        }

        return text.Length > count ? text[..count] : text;
    }

    private static string Substring(int start, int end, string text)
    {
        var from = Math.Clamp(start, 0, text.Length);
        var to = end < 0 || end > text.Length ? text.Length : end;
        return from <= to ? text[from..to] : throw new GoFunctionException($"substr {start} to {end} is out of range");
    }

    private static string Abbreviate(int left, int right, string text)
    {
        const string Ellipsis = "...";
        if (right < 4 || (left > 0 && right < 7) || text.Length <= right)
        {
            return text;
        }

        if (left <= 4)
        {
            return text[..(right - Ellipsis.Length)] + Ellipsis;
        }

        var offset = Math.Min(left, text.Length);
        return text.Length - offset < right - 3
            ? Ellipsis + text[^(right - Ellipsis.Length)..]
            : Ellipsis + Abbreviate(0, right - Ellipsis.Length, text[offset..]);
    }

    private static string Wrap(string text, int width, string newLine)
    {
        var wrapped = new StringBuilder();
        var column = 0;
        foreach (var word in Words(text))
        {
            if (column > 0 && column + 1 + word.Length > Math.Max(width, 1))
            {
                wrapped.Append(newLine);
                column = 0;
            }
            else if (column > 0)
            {
                wrapped.Append(' ');
                column++;
            }

            wrapped.Append(word);
            column += word.Length;
        }

        return wrapped.ToString();
    }

    private static GoMap Split(string[] parts)
    {
        var map = new GoMap(hasStringValues: true);
        for (var i = 0; i < parts.Length; i++)
        {
            map["_" + i.ToString(CultureInfo.InvariantCulture)] = GoValue.From(parts[i]);
        }

        return map;
    }
}
