namespace Pilotfish.Api.Yaml.Parts;

/// <summary>One key of a document with its value, or one item of the list that the document is read for.</summary>
/// <param name="Value">Null where only the outline is read and the value is no scalar.</param>
public readonly record struct DocumentPart(string Key, bool IsItem, YamlNode? Value);
