using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in lists of namespaces and gateways.</summary>
internal static class VisibilityRules
{
    public static void CheckExportTo(YamlMapping spec, ConfigProblems problems)
    {
        var targets = spec.Sequence("exportTo")?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];
        for (var i = 0; i < targets.Count; i++)
        {
            var (target, path) = (targets[i], $"spec.exportTo[{i}]");
            if (target is not ("*" or ".") && !HostRules.IsLabel(target))
            {
                problems.Add(path, $"'{target}' is neither '*', '.' nor a namespace.");
            }
            else if (targets.IndexOf(target) < i)
            {
                problems.Add(path, $"'{target}' is named twice.");
            }
            else if (target == "*" && targets.Count > 1)
            {
                problems.Add(path, "'*' is everybody and stands alone.");
            }
        }
    }

    public static void CheckGateways(YamlMapping node, string path, ConfigProblems problems)
    {
        var names = node.Sequence("gateways")?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];
        for (var i = 0; i < names.Count; i++)
        {
            var parts = names[i].Split('/', 2);
            if (parts.Length == 2 ? !parts.All(HostRules.IsLabel) : !HostRules.IsHost(names[i]))
            {
                problems.Add($"{path}.gateways[{i}]", $"'{names[i]}' is no gateway: NAMESPACE/NAME is expected.");
            }
        }
    }
}
