namespace Pilotfish.Api.Yaml;

/// <summary>What a scalar means once its style and its text are taken together.</summary>
public enum YamlScalarKind
{
    Null,
    Boolean,
    Integer,
    Float,
    String,
}
