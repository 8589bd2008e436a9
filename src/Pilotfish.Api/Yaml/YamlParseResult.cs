namespace Pilotfish.Api.Yaml;

/// <summary>
/// The documents of one text. A text that ends in an error still yields the documents before the error,
/// so that a caller may choose; one that wants all or nothing looks at <see cref="Errors"/> first.
/// </summary>
public sealed record YamlParseResult(IReadOnlyList<YamlNode> Documents, IReadOnlyList<SourceError> Errors)
{
    public bool IsOk => Errors.Count == 0;
}
