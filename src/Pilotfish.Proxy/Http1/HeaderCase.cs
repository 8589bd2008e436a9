using System.Text;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Spells the names of a head that lies ready in lower case: as "proper case words" (the first letter, and each letter behind something
/// that is no letter, becomes a capital: <c>content-type</c> -> <c>Content-Type</c>, as Envoy's proper_case_words does), or as they were in the
/// head that the message came with (preserve_case). For peers that read names case-sensitively, against RFC 9110 section 5.1. A pass of its
/// own, so that everybody else's head is written as before.
/// </summary>
internal static class HeaderCase
{
    /// <param name="head">A start line and complete field lines, each with its CRLF.</param>
    public static void ProperWords(Span<byte> head)
    {
        Span<byte> rest = head[(head.IndexOf((byte)'\n') + 1)..];
        while (!rest.IsEmpty)
        {
            int colon = rest.IndexOf((byte)':');
            int end = rest.IndexOf((byte)'\n');
            if (colon < 0 || end < colon)
            {
                return;
            }

            Capitalise(rest[..colon]);
            rest = rest[(end + 1)..];
        }
    }

    /// <param name="head">A start line and complete field lines, each with its CRLF.</param>
    /// <param name="original">The head as it came; of several spellings of a name the first counts.</param>
    /// <param name="properWordsForOthers">Whether names that did not come become proper case words.</param>
    public static void Restore(Span<byte> head, ReadOnlySpan<byte> original, bool properWordsForOthers)
    {
        original = original[(original.IndexOf((byte)'\n') + 1)..];
        Span<byte> rest = head[(head.IndexOf((byte)'\n') + 1)..];
        while (!rest.IsEmpty)
        {
            int colon = rest.IndexOf((byte)':');
            int end = rest.IndexOf((byte)'\n');
            if (colon < 0 || end < colon)
            {
                return;
            }

            ReadOnlySpan<byte> spelling = Find(original, rest[..colon]);
            if (!spelling.IsEmpty)
            {
                spelling.CopyTo(rest);
            }
            else if (properWordsForOthers)
            {
                Capitalise(rest[..colon]);
            }

            rest = rest[(end + 1)..];
        }
    }

    /// <summary>The reason phrase of a response's head, possibly empty.</summary>
    public static ReadOnlySpan<byte> ReasonOf(ReadOnlySpan<byte> head)
    {
        const int phraseStart = 13;
        int end = head.IndexOf((byte)'\r');
        return end > phraseStart ? head[phraseStart..end] : default;
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> lines, ReadOnlySpan<byte> name)
    {
        while (lines.Length > name.Length)
        {
            if (lines[name.Length] == ':' && Ascii.EqualsIgnoreCase(lines[..name.Length], name))
            {
                return lines[..name.Length];
            }

            int end = lines.IndexOf((byte)'\n');
            if (end < 0)
            {
                break;
            }

            lines = lines[(end + 1)..];
        }

        return default;
    }

    private static void Capitalise(Span<byte> name)
    {
        bool inWord = false;
        foreach (ref byte c in name)
        {
            bool letter = char.IsAsciiLetter((char)c);
            if (letter && !inWord)
            {
                c = (byte)char.ToUpperInvariant((char)c);
            }

            // Digits go on with a word: "x-b3-traceid" is "X-B3-Traceid".
            inWord = letter || char.IsAsciiDigit((char)c);
        }
    }
}
