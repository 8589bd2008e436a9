namespace Pilotfish.Api.Yaml.Parts;

/// <summary>Reads the parts of one document in one syntax.</summary>
internal interface IPartSource
{
    /// <summary>False at the document's end.</summary>
    /// <exception cref="YamlSyntaxException">The text is wrong, or a part is too large.</exception>
    bool TryRead(out DocumentPart part);
}
