using System.Globalization;

namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>Structs read from one of the `.shapes` tables beside this file, whose heads explain the format.</summary>
internal sealed class ShapeCatalog
{
    private static readonly Lazy<ShapeCatalog> s_pod = new(() => Load("pod.shapes"));
    private static readonly Lazy<ShapeCatalog> s_mesh = new(() => Load("mesh.shapes"));

    private readonly Dictionary<string, StructShape> _structs = new(StringComparer.Ordinal);

    private ShapeCatalog()
    {
    }

    /// <summary>Kubernetes' core/v1 Pod and everything in it.</summary>
    public static ShapeCatalog Pod => s_pod.Value;

    /// <summary>Istio's MeshConfig and ProxyConfig.</summary>
    public static ShapeCatalog Mesh => s_mesh.Value;

    public StructShape this[string name] => _structs[name];

    private static ShapeCatalog Load(string resource)
    {
        var catalog = new ShapeCatalog();
        string? name = null;
        var fields = new List<FieldShape>();
        foreach (var line in EmbeddedText.Read("Shapes." + resource).Split('\n').Append("end"))
        {
            if (line.StartsWith('#') || string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            if (line.StartsWith(' '))
            {
                fields.Add(ParseField(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
                continue;
            }

            if (name is not null)
            {
                var words = name.Split(' ');
                catalog._structs.Add(words[0], new StructShape(words[0], words.Contains("strict"), [.. fields], catalog));
            }

            name = line.Trim();
            fields.Clear();
        }

        catalog.CheckReferences();
        return catalog;
    }

    private static FieldShape ParseField(string[] words)
    {
        var merge = words.FirstOrDefault(word => word == "merge" || word.StartsWith("merge=", StringComparison.Ordinal));
        return new FieldShape(words[0], ParseType(words[1]))
        {
            IsRequired = words.Contains("required"),
            MergesItems = merge is not null,
            MergeKey = merge is { Length: > 6 } ? merge[6..] : "",
        };
    }

    private static ValueShape ParseType(string text)
    {
        if (text.StartsWith('*'))
        {
            return ParseType(text[1..]) with { IsOptional = true };
        }

        if (text.StartsWith("[]", StringComparison.Ordinal))
        {
            return new ValueShape(ValueKind.List) { Element = ParseType(text[2..]) };
        }

        if (text.StartsWith("{}", StringComparison.Ordinal))
        {
            return new ValueShape(ValueKind.Map) { Element = ParseType(text[2..]) };
        }

        if (text.StartsWith("enum(", StringComparison.Ordinal))
        {
            return new ValueShape(ValueKind.Enum) { EnumNames = text[5..^1].Split('|') };
        }

        return char.IsAsciiLetterUpper(text[0])
            ? new ValueShape(ValueKind.Struct) { StructName = text }
            : new ValueShape(Enum.Parse<ValueKind>(text, ignoreCase: true));
    }

    private void CheckReferences()
    {
        foreach (var shape in _structs.Values)
        {
            foreach (var field in shape.Fields)
            {
                var type = field.Type;
                while (type.Element is not null)
                {
                    type = type.Element;
                }

                if (type.Kind == ValueKind.Struct && !_structs.ContainsKey(type.StructName))
                {
                    throw new InvalidOperationException(string.Create(
                        CultureInfo.InvariantCulture, $"{shape.Name}.{field.Name} names the unknown struct {type.StructName}."));
                }
            }
        }
    }
}
