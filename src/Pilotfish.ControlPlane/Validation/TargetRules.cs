using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>
/// What a policy may speak of: the workloads of a selector, or the gateways and services of targetRefs, in words that Istio takes
/// (istio/istio pkg/config/validation/validation.go: validateOneOfSelectorType, validateWorkloadSelector, validatePolicyTargetReference).
/// </summary>
internal static class TargetRules
{
    private static readonly (string Group, string Kind)[] s_kinds =
    [
        ("", "Service"), ("networking.istio.io", "ServiceEntry"), ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    ];

    public static void Check(YamlMapping spec, ConfigProblems problems)
    {
        var targets = spec.Items("targetRefs").ToList();
        var given = (spec.Mapping("selector") is null ? 0 : 1) + (spec.Mapping("targetRef") is null ? 0 : 1) + (targets.Count == 0 ? 0 : 1);
        if (given > 1)
        {
            problems.Add("spec", "only one of selector, targetRef and targetRefs can be set.");
        }

        CheckSelector(spec.Mapping("selector"), problems);
        if (spec.Mapping("targetRef") is { } target)
        {
            CheckTarget(target, "spec.targetRef", problems);
        }

        for (var i = 0; i < targets.Count; i++)
        {
            CheckTarget(targets[i], $"spec.targetRefs[{i}]", problems);
        }
    }

    private static void CheckSelector(YamlMapping? selector, ConfigProblems problems)
    {
        foreach (var label in selector?.Mapping("matchLabels")?.Entries ?? [])
        {
            var path = $"spec.selector.matchLabels[{label.Key}]";
            var value = (label.Value as YamlScalar)?.Text ?? "";
            if (label.Key.Length == 0)
            {
                problems.Add(path, "a label has a name.");
            }

            if (label.Key.Contains('*', StringComparison.Ordinal) || value.Contains('*', StringComparison.Ordinal))
            {
                problems.Add(path, $"'{label.Key}={value}' holds a '*', and a selector compares labels as they are.");
            }
        }
    }

    private static void CheckTarget(YamlMapping target, string path, ConfigProblems problems)
    {
        if (string.IsNullOrEmpty(target.Text("name")))
        {
            problems.Add($"{path}.name", "a name is needed.");
        }

        if (!string.IsNullOrEmpty(target.Text("namespace")))
        {
            problems.Add($"{path}.namespace", "it must not be set: what is referred to is in the object's own namespace.");
        }

        var group = target.Text("group") is null or "core" ? "" : target.Text("group")!;
        var kind = target.Text("kind") ?? "";
        if (!s_kinds.Contains((group, kind)))
        {
            problems.Add($"{path}.kind", $"'{group}/{kind}' is none of Service, networking.istio.io/ServiceEntry, "
                + "gateway.networking.k8s.io/Gateway and gateway.networking.k8s.io/GatewayClass.");
        }
    }
}
