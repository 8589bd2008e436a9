using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Cel;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>
/// What Istio refuses in a Telemetry beyond its types (istio/istio pkg/config/validation/validation.go ValidateTelemetry), and expressions that no
/// proxy could evaluate.
/// </summary>
internal static class TelemetryRules
{
    public static void Check(YamlMapping spec, ConfigProblems problems)
    {
        TargetRules.Check(spec, problems);
        Each(spec, "accessLogging", problems, CheckLogging);
        Each(spec, "metrics", problems, CheckMetrics);
        Each(spec, "tracing", problems, CheckTracing);
    }

    private static void Each(YamlMapping spec, string field, ConfigProblems problems, Action<YamlMapping, string, ConfigProblems> check)
    {
        var rules = spec.Items(field).ToList();
        for (var i = 0; i < rules.Count; i++)
        {
            var path = $"spec.{field}[{i}]";
            CheckProviders(rules[i], path, problems);
            check(rules[i], path, problems);
        }
    }

    private static void CheckProviders(YamlMapping rule, string path, ConfigProblems problems)
    {
        var providers = rule.Items("providers").ToList();
        for (var i = 0; i < providers.Count; i++)
        {
            CheckText(providers[i], $"{path}.providers[{i}]", "name", "a name", problems);
        }
    }

    private static void CheckText(YamlMapping node, string path, string field, string what, ConfigProblems problems)
    {
        if (string.IsNullOrEmpty(node.Text(field)))
        {
            problems.Add($"{path}.{field}", $"{what} is needed.");
        }
    }

    private static void CheckLogging(YamlMapping rule, string path, ConfigProblems problems)
    {
        if (rule.Mapping("filter") is not { } filter)
        {
            return;
        }

        // A filter without an expression is one with an empty expression, which is none.
        var expression = filter.Text("expression") ?? "";
        try
        {
            CelExpression.CheckCondition(expression);
        }
        catch (CelSyntaxException e)
        {
            problems.Add($"{path}.filter.expression", $"'{expression}' cannot be used: {e.Message}.");
        }
    }

    private static void CheckMetrics(YamlMapping rule, string path, ConfigProblems problems)
    {
        var overrides = rule.Items("overrides").ToList();
        for (var i = 0; i < overrides.Count; i++)
        {
            var inner = $"{path}.overrides[{i}]";
            foreach (var tag in overrides[i].Mapping("tagOverrides")?.Entries ?? [])
            {
                CheckTagOverride(tag, $"{inner}.tagOverrides[{tag.Key}]", problems);
            }

            if (overrides[i].Mapping("match") is { } match && match.ContainsKey("customMetric"))
            {
                CheckText(match, $"{inner}.match", "customMetric", "a name", problems);
            }
        }
    }

    private static void CheckTagOverride(YamlEntry tag, string path, ConfigProblems problems)
    {
        if (tag.Value is not YamlMapping given)
        {
            problems.Add(path, "it may not be null.");
            return;
        }

        var isRemoval = given.Text("operation") is "REMOVE" or "1";
        var hasValue = !string.IsNullOrEmpty(given.Text("value"));
        if (isRemoval == hasValue)
        {
            problems.Add($"{path}.value", isRemoval ? "a tag that is removed has no value." : "a value is needed where the operation is UPSERT.");
        }
    }

    private static void CheckTracing(YamlMapping rule, string path, ConfigProblems problems)
    {
        if (rule["randomSamplingPercentage"] is YamlScalar scalar && scalar.TryGetDouble(out var percent) && percent is (< 0 or > 100))
        {
            problems.Add($"{path}.randomSamplingPercentage", $"{scalar.Text} is not between 0 and 100.");
        }

        foreach (var tag in rule.Mapping("customTags")?.Entries ?? [])
        {
            CheckCustomTag(tag, $"{path}.customTags[{tag.Key}]", problems);
        }
    }

    private static void CheckCustomTag(YamlEntry tag, string path, ConfigProblems problems)
    {
        if (tag.Key.Length == 0)
        {
            problems.Add(path, "a tag has a name.");
        }

        if (tag.Value is not YamlMapping given)
        {
            problems.Add(path, "it may not be null.");
            return;
        }

        foreach (var (kind, field) in ((string, string)[])[("literal", "value"), ("header", "name"), ("environment", "name")])
        {
            if (given.Mapping(kind) is { } source)
            {
                CheckText(source, $"{path}.{kind}", field, $"a {field}", problems);
            }
        }
    }
}
