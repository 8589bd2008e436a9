namespace Pilotfish.Language.Cel;

/// <summary>An expression that cannot be used; the message says what is wrong and where.</summary>
public sealed class CelSyntaxException : Exception
{
    public CelSyntaxException(string source, int position, string problem)
        : base($"{problem} (at {Describe(source, position)})")
    {
        (Line, Column) = Locate(source, position);
        Problem = problem;
    }

    public string Problem { get; }

    /// <summary>Both count from 1.</summary>
    public int Line { get; }

    public int Column { get; }

    private static string Describe(string source, int position)
    {
        (int line, int column) = Locate(source, position);
        return source.Contains('\n') ? $"line {line}, column {column} of the expression" : $"column {column} of the expression";
    }

    private static (int Line, int Column) Locate(string source, int position)
    {
        ReadOnlySpan<char> before = source.AsSpan(0, Math.Min(position, source.Length));
        return (before.Count('\n') + 1, before.Length - before.LastIndexOf('\n'));
    }
}
