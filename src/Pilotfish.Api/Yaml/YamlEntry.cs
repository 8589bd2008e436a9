namespace Pilotfish.Api.Yaml;

/// <summary>One key of a mapping with its value.</summary>
public sealed record YamlEntry(string Key, SourcePosition KeyPosition, YamlNode Value);
