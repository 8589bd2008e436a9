using System.Text;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Writes the names of a head that lies ready in lower case as "proper case words": the first letter, and each letter behind something
/// that is no letter, becomes a capital (<c>content-type</c> -> <c>Content-Type</c>, as Envoy's proper_case_words does). For peers that
/// read names case-sensitively, against RFC 9110 section 5.1. A pass of its own, so that everybody else's head is written as before.
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
