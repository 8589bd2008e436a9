using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>A Kubernetes struct or a configuration message as templates see it: fields by their Go names, absent ones with
/// Go's zero values, and for messages the getters that Go generates.</summary>
internal sealed class ShapedObject : GoObject
{
    private const string GetterPrefix = "Get";

    private readonly YamlMapping? _node;
    private readonly StructShape _shape;

    /// <param name="node">Null for a nil pointer.</param>
    public ShapedObject(YamlMapping? node, StructShape shape)
    {
        _node = node;
        _shape = shape;
    }

    public override string TypeName => _shape.Name;

    public override bool IsTrue => _node is not null;

    public override bool TryGetField(string name, out GoValue value)
    {
        var field = _shape.FindByGoName(name);
        if (field is null && name.StartsWith(GetterPrefix, StringComparison.Ordinal))
        {
            field = _shape.FindByGoName(name[GetterPrefix.Length..]);
        }

        value = field is null ? GoValue.Nil : Read(_node?[field.Name], field.Type);
        return field is not null;
    }

    public override GoValue ToPlain() => _node is null ? GoValue.Nil : Plain(_node);

    private GoValue Read(YamlNode? node, ValueShape type)
    {
        switch (type.Kind)
        {
            case ValueKind.Struct:
                return GoValue.From(new ShapedObject(
                    node as YamlMapping ?? (type.IsOptional ? null : new YamlMapping()), _shape.Catalog[type.StructName]));
            case ValueKind.List:
                var items = (node as YamlSequence)?.Items ?? [];
                return GoValue.From(items.Select(item => Read(item, type.Element!)).ToArray());
            case ValueKind.Map:
                var map = new GoMap(hasStringValues: type.Element!.Kind == ValueKind.String);
                foreach (var entry in (node as YamlMapping)?.Entries ?? [])
                {
                    map[entry.Key] = Read(entry.Value, type.Element!);
                }

                return GoValue.From(map);
            case ValueKind.Enum or ValueKind.Duration:
                return GoValue.From(new NamedValue(
                    (node as YamlScalar)?.Text ?? (type.Kind == ValueKind.Enum ? type.EnumNames[0] : "")));
            case ValueKind.Bool or ValueKind.Int or ValueKind.Double when type.IsOptional:
                return GoValue.From(new OptionalValue(node is null ? null : Scalar(node, type.Kind), Scalar(null, type.Kind)));
            default:
                return Scalar(node, type.Kind);
        }
    }

    private static GoValue Scalar(YamlNode? node, ValueKind kind)
    {
        var scalar = node as YamlScalar;
        switch (kind)
        {
            case ValueKind.Bool:
                return GoValue.From(scalar is not null && scalar.TryGetBoolean(out var flag) && flag);
            case ValueKind.Int:
                return GoValue.From(scalar is not null && scalar.TryGetInteger(out var number) ? (long)number : 0L);
            case ValueKind.IntOrString when scalar is { Kind: YamlScalarKind.Integer }:
                return Scalar(node, ValueKind.Int);
            case ValueKind.Double:
                return GoValue.From(scalar is not null && scalar.TryGetDouble(out var real) ? real : 0.0);
            case ValueKind.Any:
                return NodeValues.ToValue(node);
            default:
                return GoValue.From(scalar?.Text ?? "");
        }
    }

    /// <summary>The node as it would be written to JSON: whole numbers stay whole.</summary>
    private static GoValue Plain(YamlNode node)
    {
        switch (node)
        {
            case YamlMapping mapping:
                var map = new GoMap();
                foreach (var entry in mapping.Entries)
                {
                    map[entry.Key] = Plain(entry.Value);
                }

                return GoValue.From(map);
            case YamlSequence sequence:
                return GoValue.From(sequence.Items.Select(item => Plain(item)).ToArray());
            case YamlScalar { Kind: YamlScalarKind.Integer } scalar when scalar.TryGetInteger(out var number):
                return GoValue.From((long)number);
            default:
                return NodeValues.ToValue(node);
        }
    }
}
