namespace Pilotfish.Api.Yaml;

/// <summary>Where something stands in a file. Line and column count from one; the column counts characters.</summary>
public readonly record struct SourcePosition(string File, int Line, int Column)
{
    /// <summary>The position of nodes that no file holds, such as those that a program made.</summary>
    public static SourcePosition None { get; } = new("", 0, 0);

    public override string ToString() => Line == 0 ? File ?? "" : $"{File}:{Line}:{Column}";
}
