namespace Pilotfish.Language.Re2;

/// <summary>A pattern that RE2 would refuse, or that is too large.</summary>
public sealed class Re2SyntaxException(string pattern, string problem)
    : Exception($"the regular expression '{pattern}' is not valid RE2: {problem}")
{
    public string Pattern { get; } = pattern;

    public string Problem { get; } = problem;
}
