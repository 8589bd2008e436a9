using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>Brings a node into the one form in which the Kubernetes API writes it: nulls and zero fields left out,
/// quantities in their canonical spelling, scalars of the field's type. Patches and comparisons rely on that form.</summary>
internal static class NodeNormalizer
{
    /// <summary>A normalized copy.</summary>
    /// <param name="path">The place of the node, for messages.</param>
    public static YamlMapping Normalize(YamlNode node, StructShape shape, string path)
    {
        if (node is not YamlMapping source)
        {
            throw Mismatch(path, "a mapping", node);
        }

        var result = new YamlMapping(source.Position);
        foreach (var entry in source.Entries)
        {
            var field = shape.Find(entry.Key) ?? FindSnakeCase(shape, entry.Key);
            var fieldPath = path.Length == 0 ? entry.Key : path + "." + entry.Key;
            if (field is null)
            {
                KeepUnknown(result, entry, shape, fieldPath);
                continue;
            }

            var value = NormalizeValue(entry.Value, field.Type, shape.Catalog, fieldPath);
            if (value is not null && (field.IsRequired || field.Type.IsOptional || !IsZero(value, field.Type)))
            {
                result[field.Name] = value;
            }
        }

        AddRequired(result, shape);
        return result;
    }

    private static void KeepUnknown(YamlMapping result, YamlEntry entry, StructShape shape, string path)
    {
        if (shape.IsStrict)
        {
            throw new InjectionException($"unknown field \"{entry.Key}\" in {shape.Name} at {path}");
        }

        if (!entry.Value.IsNull)
        {
            result[entry.Key] = entry.Value.Clone();
        }
    }

    private static FieldShape? FindSnakeCase(StructShape shape, string name) =>
        shape.IsStrict && name.Contains('_', StringComparison.Ordinal)
            ? shape.FindByGoName(name.Replace("_", "", StringComparison.Ordinal))
            : null;

    /// <summary>Structs by value and required scalars appear even where the source has nothing.</summary>
    private static void AddRequired(YamlMapping result, StructShape shape)
    {
        foreach (var field in shape.Fields)
        {
            if (result.ContainsKey(field.Name) || field.Type.IsOptional)
            {
                continue;
            }

            if (field.Type.Kind == ValueKind.Struct)
            {
                result[field.Name] = Normalize(new YamlMapping(), shape.Catalog[field.Type.StructName], field.Name);
            }
            else if (field.Type.Kind == ValueKind.Quantity)
            {
                result[field.Name] = YamlScalar.String("0");
            }
            else if (field.IsRequired && field.Type.Kind is ValueKind.String)
            {
                result[field.Name] = YamlScalar.String("");
            }
            else if (field.IsRequired && field.Type.Kind == ValueKind.Bool)
            {
                result[field.Name] = YamlScalar.Boolean(false);
            }
            else if (field.IsRequired && field.Type.Kind is (ValueKind.Int or ValueKind.IntOrString))
            {
                result[field.Name] = YamlScalar.Integer(0);
            }
        }
    }

    private static YamlNode? NormalizeValue(YamlNode node, ValueShape type, ShapeCatalog catalog, string path)
    {
        if (node.IsNull)
        {
            return null;
        }

        return type.Kind switch
        {
            ValueKind.Any => node.Clone(),
            ValueKind.Struct => Normalize(node, catalog[type.StructName], path),
            ValueKind.List => NormalizeList(node, type.Element!, catalog, path),
            ValueKind.Map => NormalizeMap(node, type.Element!, catalog, path),
            _ when node is YamlScalar scalar => NormalizeScalar(scalar, type, path),
            _ => throw Mismatch(path, Describe(type.Kind), node),
        };
    }

    private static YamlSequence NormalizeList(YamlNode node, ValueShape element, ShapeCatalog catalog, string path)
    {
        if (node is not YamlSequence source)
        {
            throw Mismatch(path, "a list", node);
        }

        var result = new YamlSequence(source.Position);
        for (var i = 0; i < source.Items.Count; i++)
        {
            var item = NormalizeValue(source.Items[i], element, catalog, $"{path}[{i}]");
            if (item is not null)
            {
                result.Items.Add(item);
            }
        }

        return result;
    }

    private static YamlMapping NormalizeMap(YamlNode node, ValueShape element, ShapeCatalog catalog, string path)
    {
        if (node is not YamlMapping source)
        {
            throw Mismatch(path, "a mapping", node);
        }

        var result = new YamlMapping(source.Position);
        foreach (var entry in source.Entries)
        {
            // A null in a map of strings is the empty string, not an absent key.
            var value = entry.Value.IsNull && element.Kind == ValueKind.String
                ? YamlScalar.String("")
                : NormalizeValue(entry.Value, element, catalog, $"{path}[{entry.Key}]");
            if (value is not null)
            {
                result[entry.Key] = value;
            }
        }

        return result;
    }

    private static YamlScalar NormalizeScalar(YamlScalar scalar, ValueShape type, string path)
    {
        switch (type.Kind)
        {
            case ValueKind.String or ValueKind.Time:
                return scalar.Kind == YamlScalarKind.String ? scalar : YamlScalar.String(PlainText(scalar));
            case ValueKind.Bool when scalar.TryGetBoolean(out var flag):
                return YamlScalar.Boolean(flag);
            case ValueKind.Int or ValueKind.IntOrString when scalar.TryGetInteger(out var number):
                return YamlScalar.Integer((long)number);
            case ValueKind.Int when scalar.Kind == YamlScalarKind.String
                && long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                // Protobuf's JSON form writes 64-bit numbers as strings; Kubernetes' does not, but nothing is lost.
                return YamlScalar.Integer(number);
            case ValueKind.IntOrString when scalar.Kind == YamlScalarKind.String:
                return scalar;
            case ValueKind.Double when scalar.TryGetDouble(out _):
                return scalar;
            case ValueKind.Quantity when Quantity.TryParse(scalar.Text, out var quantity):
                return YamlScalar.String(quantity.ToString());
            case ValueKind.Quantity:
                throw new InjectionException(
                    $"{path}: '{scalar.Text}' is no quantity; write a number with an optional suffix such as m, k, Mi or Gi.");
            case ValueKind.Enum:
                return NormalizeEnum(scalar, type, path);
            case ValueKind.Duration:
                return ProtoDuration.TryParse(scalar.Text, out var duration)
                    ? YamlScalar.String(ProtoDuration.Format(duration))
                    : throw new InjectionException($"{path}: '{scalar.Text}' is no duration; write seconds such as 5s or 0.5s.");
            default:
                throw Mismatch(path, Describe(type.Kind), scalar);
        }
    }

    private static YamlScalar NormalizeEnum(YamlScalar scalar, ValueShape type, string path)
    {
        if (scalar.TryGetInteger(out var number) && number >= 0 && number < type.EnumNames.Count)
        {
            return YamlScalar.String(type.EnumNames[(int)number]);
        }

        return type.EnumNames.Contains(scalar.Text)
            ? YamlScalar.String(scalar.Text)
            : throw new InjectionException(
                $"{path}: '{scalar.Text}' is not one of {string.Join(", ", type.EnumNames)}.");
    }

    /// <summary>Numbers and booleans that stand where a string belongs, as Kubernetes' YAML reader writes them.</summary>
    private static string PlainText(YamlScalar scalar)
    {
        if (scalar.TryGetBoolean(out var flag))
        {
            return flag ? "true" : "false";
        }

        if (scalar.Kind == YamlScalarKind.Integer && scalar.TryGetInteger(out var number))
        {
            return number.ToString(CultureInfo.InvariantCulture);
        }

        return scalar.TryGetDouble(out var real) ? GoFormat.PrintFloat(real) : scalar.Text;
    }

    private static bool IsZero(YamlNode value, ValueShape type) => value switch
    {
        YamlMapping mapping => type.Kind == ValueKind.Map && mapping.Count == 0,
        YamlSequence sequence => sequence.Items.Count == 0,
        YamlScalar scalar when type.Kind == ValueKind.Enum => scalar.Text == type.EnumNames[0],
        YamlScalar { Kind: YamlScalarKind.String } scalar => scalar.Text.Length == 0,
        YamlScalar { Kind: YamlScalarKind.Boolean } scalar => scalar.TryGetBoolean(out var flag) && !flag,
        YamlScalar scalar => scalar.TryGetDouble(out var number) && number == 0,
        _ => false,
    };

    private static string Describe(ValueKind kind) => kind switch
    {
        ValueKind.Bool => "true or false",
        ValueKind.Int => "a whole number",
        ValueKind.Double => "a number",
        ValueKind.IntOrString => "a port number or name",
        _ => "a string",
    };

    private static InjectionException Mismatch(string path, string wanted, YamlNode found)
    {
        var what = found is YamlScalar scalar ? $"'{scalar.Text}'" : found.KindName;
        var place = found.Position.Line > 0 ? $" ({found.Position})" : "";
        return new InjectionException($"{(path.Length == 0 ? "the object" : path)}{place}: expected {wanted}, found {what}.");
    }
}
