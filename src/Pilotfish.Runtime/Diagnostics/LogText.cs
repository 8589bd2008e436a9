namespace Pilotfish.Runtime.Diagnostics;

/// <summary>Makes text that a peer wrote fit for a log. Any thread.</summary>
public static class LogText
{
    // A sentence or two; whoever sends more does not mean to inform.
    private const int LengthMax = 1024;

    /// <summary>Bounded and on one line: control characters, with which a peer could forge lines, become spaces.</summary>
    public static string Printable(string text)
    {
        ReadOnlySpan<char> kept = text.AsSpan(0, Math.Min(text.Length, LengthMax));
        if (kept.Length == text.Length && !kept.ContainsAnyInRange('\0', '\x1F') && !kept.ContainsAnyInRange('\x7F', '\x9F'))
        {
            return text;
        }

        return string.Create(kept.Length, text, static (output, source) =>
        {
            for (int i = 0; i < output.Length; i++)
            {
                output[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
    }
}
