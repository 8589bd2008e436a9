namespace Pilotfish.Api.Yaml;

/// <summary>Carries one error out of the composers' recursion; never leaves <see cref="YamlDocuments"/>.</summary>
internal sealed class YamlSyntaxException(SourcePosition position, string message) : Exception(message)
{
    public SourceError Error { get; } = new(position, message);
}
