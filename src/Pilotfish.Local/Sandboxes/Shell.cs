namespace Pilotfish.Local.Sandboxes;

/// <summary>Writes words into generated scripts so that no value can be read as shell.</summary>
internal static class Shell
{
    /// <summary>Between single quotes a POSIX shell reads nothing but the closing quote.</summary>
    public static string Quote(string word) => word.Contains('\0', StringComparison.Ordinal)
        ? throw new LocalException("A value holds a zero byte, which no program can receive as an argument.")
        : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    public static string Quote(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));
}
