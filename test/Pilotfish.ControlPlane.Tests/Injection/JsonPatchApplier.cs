using System.Globalization;
using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>Applies RFC 6902 patches as an API server does: the counterpart that the patches under test are judged by.</summary>
internal static class JsonPatchApplier
{
    public static YamlNode Apply(YamlNode document, YamlSequence patch)
    {
        var holder = new YamlMapping { ["root"] = document.Clone() };
        foreach (var operation in patch.Items.Cast<YamlMapping>())
        {
            var steps = ("root" + operation.Text("path")).Split('/')
                .Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToList();
            YamlNode parent = holder;
            foreach (var step in steps.SkipLast(1))
            {
                parent = parent is YamlMapping mapping
                    ? mapping[step] ?? throw new InvalidOperationException($"no '{step}' for {operation.Text("path")}")
                    : ((YamlSequence)parent).Items[int.Parse(step, CultureInfo.InvariantCulture)];
            }

            ApplyOne(operation, parent, steps[^1]);
        }

        return holder["root"]!;
    }

    private static void ApplyOne(YamlMapping operation, YamlNode parent, string key)
    {
        var kind = operation.Text("op");
        if (parent is YamlMapping mapping)
        {
            if (kind != "add" && !mapping.ContainsKey(key))
            {
                throw new InvalidOperationException($"{kind} of the missing '{key}'");
            }

            if (kind == "remove")
            {
                mapping.Remove(key);
            }
            else
            {
                mapping[key] = operation["value"]!.Clone();
            }

            return;
        }

        var items = ((YamlSequence)parent).Items;
        var index = int.Parse(key, CultureInfo.InvariantCulture);
        switch (kind)
        {
            case "remove":
                items.RemoveAt(index);
                break;
            case "add":
                items.Insert(index, operation["value"]!.Clone());
                break;
            default:
                items[index] = operation["value"]!.Clone();
                break;
        }
    }
}
