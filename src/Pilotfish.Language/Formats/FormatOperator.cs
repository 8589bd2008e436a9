namespace Pilotfish.Language.Formats;

/// <summary>One operator of a format string, split but not yet understood: %NAME(arguments):length%.</summary>
public sealed record FormatOperator(string Name, string? Arguments, int? MaxLength, int Position)
{
    public FormatSyntaxException Reject(string problem) => new(Position, $"operator %{Name}% {problem}");

    public void RequireNoArguments()
    {
        if (Arguments is not null)
        {
            throw Reject($"takes no arguments, but has '({Arguments})'");
        }
    }

    public string RequireArguments(string what) =>
        string.IsNullOrEmpty(Arguments) ? throw Reject($"needs {what} in parentheses") : Arguments;

    public void RequireNoLength()
    {
        if (MaxLength is not null)
        {
            throw Reject($"takes no length, but has ':{MaxLength}'");
        }
    }
}
