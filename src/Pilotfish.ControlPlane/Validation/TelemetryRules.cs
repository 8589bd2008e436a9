using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Cel;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in a Telemetry beyond its types, and expressions that no proxy could evaluate.</summary>
internal static class TelemetryRules
{
    public static void Check(YamlMapping spec, ConfigProblems problems)
    {
        var hasTargets = spec["targetRef"] is not null || spec.Items("targetRefs").Any();
        if (hasTargets && spec.Mapping("selector") is not null)
        {
            problems.Add("spec", "only one of selector, targetRef and targetRefs can be set.");
        }

        var rules = spec.Items("accessLogging").ToList();
        for (var i = 0; i < rules.Count; i++)
        {
            CheckLogging(rules[i], $"spec.accessLogging[{i}]", problems);
        }
    }

    private static void CheckLogging(YamlMapping rule, string path, ConfigProblems problems)
    {
        var providers = rule.Items("providers").ToList();
        for (var i = 0; i < providers.Count; i++)
        {
            if (string.IsNullOrEmpty(providers[i].Text("name")))
            {
                problems.Add($"{path}.providers[{i}].name", "a name is needed.");
            }
        }

        if (rule.Mapping("filter")?.Text("expression") is not { } expression)
        {
            return;
        }

        try
        {
            CelExpression.CheckCondition(expression);
        }
        catch (CelSyntaxException e)
        {
            problems.Add($"{path}.filter.expression", $"'{expression}' cannot be used: {e.Message}.");
        }
    }
}
