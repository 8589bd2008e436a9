using Pilotfish.Api.Yaml;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>Nodes as values of the template language and back.</summary>
internal static class NodeValues
{
    /// <summary>Untyped values, such as those of a values file: numbers are floats, as in JSON read by Go.</summary>
    public static GoValue ToValue(YamlNode? node)
    {
        switch (node)
        {
            case YamlMapping mapping:
                var map = new GoMap();
                foreach (var entry in mapping.Entries)
                {
                    map[entry.Key] = ToValue(entry.Value);
                }

                return GoValue.From(map);
            case YamlSequence sequence:
                return GoValue.From(sequence.Items.Select(ToValue).ToArray());
            case YamlScalar scalar:
                return ToValue(scalar);
            default:
                return GoValue.Nil;
        }
    }

    private static GoValue ToValue(YamlScalar scalar)
    {
        if (scalar.IsNull)
        {
            return GoValue.Nil;
        }

        if (scalar.TryGetBoolean(out var flag))
        {
            return GoValue.From(flag);
        }

        return scalar.TryGetDouble(out var number) ? GoValue.From(number) : GoValue.From(scalar.Text);
    }
}
