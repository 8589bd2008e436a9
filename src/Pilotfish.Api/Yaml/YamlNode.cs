namespace Pilotfish.Api.Yaml;

/// <summary>
/// A node of a YAML or JSON document with the place it came from. Nodes are mutable, because the injector and
/// the merge of overrides work on them; a parsed document shares no node with another place, aliases included.
/// </summary>
public abstract class YamlNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;

    /// <summary>What a message to a person calls a node of this kind.</summary>
    public abstract string KindName { get; }

    public abstract YamlNode Clone();

    /// <summary>The same content, whatever the order of keys and the style of scalars.</summary>
    public abstract bool ContentEquals(YamlNode? other);

    public bool IsNull => this is YamlScalar { Kind: YamlScalarKind.Null };
}
