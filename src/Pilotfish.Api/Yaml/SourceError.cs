namespace Pilotfish.Api.Yaml;

/// <summary>One problem in a file, as a sentence for the person who wrote the file.</summary>
public sealed record SourceError(SourcePosition Position, string Message)
{
    public override string ToString() => Position.Line == 0 && string.IsNullOrEmpty(Position.File)
        ? Message
        : $"{Position}: {Message}";
}
