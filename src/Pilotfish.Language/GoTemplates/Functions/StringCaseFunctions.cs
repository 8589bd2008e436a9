using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions that change the case of texts.</summary>
internal static class StringCaseFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        set.Add("upper", 1, a => GoValue.From(a.Text(0).ToUpperInvariant()));
        set.Add("lower", 1, a => GoValue.From(a.Text(0).ToLowerInvariant()));
        set.Add("title", 1, a => GoValue.From(Title(a.Text(0))));
        set.Add("untitle", 1, a => GoValue.From(MapFirstLetters(a.Text(0), char.ToLowerInvariant)));
        set.Add("swapcase", 1, a => GoValue.From(string.Concat(a.Text(0).Select(Swap))));
        set.Add("snakecase", 1, a => GoValue.From(Separate(a.Text(0), '_')));
        set.Add("kebabcase", 1, a => GoValue.From(Separate(a.Text(0), '-')));
        set.Add("camelcase", 1, a => GoValue.From(Camel(a.Text(0))));
    }

    private static string Title(string text) => MapFirstLetters(text, char.ToUpperInvariant);

    private static string MapFirstLetters(string text, Func<char, char> map)
    {
        var result = new StringBuilder(text);
        for (var i = 0; i < text.Length; i++)
        {
            if (i == 0 || char.IsWhiteSpace(text[i - 1]))
            {
                result[i] = map(text[i]);
            }
        }

        return result.ToString();
    }

    private static char Swap(char c) => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c);

    private static string Separate(string text, char separator)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '_' or '-' or ' ' or '.')
            {
                result.Append(separator);
                continue;
            }

            var startsWord = char.IsUpper(c) && i > 0 && char.IsLetterOrDigit(text[i - 1])
                && (!char.IsUpper(text[i - 1]) || (i + 1 < text.Length && char.IsLower(text[i + 1])));
            if (startsWord)
            {
                result.Append(separator);
            }

            result.Append(char.ToLowerInvariant(c));
        }

        return result.ToString();
    }

    private static string Camel(string text)
    {
        var parts = text.Split(['_', '-', ' '], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(parts.Select(part => char.ToUpperInvariant(part[0]) + part[1..]));
    }
}
