using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in a CORS policy.</summary>
internal static class CorsRules
{
    private static readonly string[] s_methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "*"];

    public static void Check(YamlMapping? policy, string path, ConfigProblems problems)
    {
        if (policy is null)
        {
            return;
        }

        var origins = policy.Items("allowOrigins").ToList();
        for (var i = 0; i < origins.Count; i++)
        {
            if (!new[] { "exact", "prefix", "regex" }.Any(kind => origins[i].Text(kind) is { Length: > 0 }))
            {
                problems.Add($"{path}.allowOrigins[{i}]", "one of exact, prefix or regex is needed.");
            }
            else if (origins[i].Text("regex") is { Length: > 0 } pattern && !HttpRouteRules.IsPattern(pattern))
            {
                problems.Add($"{path}.allowOrigins[{i}].regex", $"'{pattern}' is no regular expression.");
            }
        }

        var methods = policy.Sequence("allowMethods")?.Items ?? [];
        for (var i = 0; i < methods.Count; i++)
        {
            if (methods[i] is YamlScalar method && !s_methods.Contains(method.Text))
            {
                problems.Add($"{path}.allowMethods[{i}]", $"'{method.Text}' is none of {string.Join(", ", s_methods)}.");
            }
        }

        problems.CheckDuration(policy, path, "maxAge");
    }
}
