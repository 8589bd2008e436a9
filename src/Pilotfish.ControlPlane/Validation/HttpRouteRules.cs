using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Re2;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in an HTTP route.</summary>
internal static class HttpRouteRules
{
    private static readonly string[] s_actions = ["route", "redirect", "directResponse", "delegate"];
    private static readonly string[] s_stringMatches = ["uri", "scheme", "method", "authority"];
    private static readonly string[] s_mapMatches = ["headers", "queryParams", "withoutHeaders"];

    public static void Check(YamlMapping route, string path, ConfigProblems problems)
    {
        if (!s_actions.Any(route.ContainsKey))
        {
            problems.Add(path, "one of route, redirect, directResponse or delegate is needed.");
        }

        problems.CheckExclusive(route, path, "route", "redirect", "directResponse", "delegate");
        problems.CheckExclusive(route, path, "redirect", "rewrite");
        CheckMatches(route, path, problems);
        VirtualServiceRules.CheckDestinations(route, path, problems);
        problems.CheckDuration(route, path, "timeout");
        CheckRetries(route.Mapping("retries"), path + ".retries", problems);
        CheckFault(route.Mapping("fault"), path + ".fault", problems);
        if (route.Mapping("redirect") is { } redirect)
        {
            CheckRedirect(redirect, path + ".redirect", problems);
        }

        if (route.Mapping("directResponse") is { } response)
        {
            problems.CheckRange(response, path + ".directResponse", "status", 200, 599);
        }

        if (route.Mapping("mirror") is { } mirror)
        {
            VirtualServiceRules.CheckDestination(mirror, path + ".mirror", problems);
        }
    }

    private static void CheckMatches(YamlMapping route, string path, ConfigProblems problems)
    {
        var matches = route.Items("match").ToList();
        for (var i = 0; i < matches.Count; i++)
        {
            var inner = $"{path}.match[{i}]";
            foreach (var field in s_stringMatches)
            {
                CheckString(matches[i].Mapping(field), $"{inner}.{field}", mayBeEmpty: false, problems);
            }

            foreach (var field in s_mapMatches)
            {
                foreach (var entry in matches[i].Mapping(field)?.Entries ?? [])
                {
                    if (entry.Key.Length == 0)
                    {
                        problems.Add($"{inner}.{field}", "a name is empty.");
                    }

                    // A match on a header without any value asks for its presence.
                    CheckString(entry.Value as YamlMapping, $"{inner}.{field}[{entry.Key}]", mayBeEmpty: true, problems);
                }
            }

            problems.CheckPort(matches[i], inner, "port");
        }
    }

    private static void CheckString(YamlMapping? match, string path, bool mayBeEmpty, ConfigProblems problems)
    {
        if (match is null)
        {
            return;
        }

        problems.CheckExclusive(match, path, "exact", "prefix", "regex");
        foreach (var kind in new[] { "prefix", "regex" })
        {
            if (match.Text(kind) is { Length: 0 })
            {
                problems.Add($"{path}.{kind}", "it is empty.");
            }
        }

        if (match.Count == 0 && !mayBeEmpty)
        {
            problems.Add(path, "one of exact, prefix or regex is needed.");
        }

        if (match.Text("regex") is { Length: > 0 } pattern && !IsPattern(pattern))
        {
            problems.Add($"{path}.regex", $"'{pattern}' is no regular expression.");
        }
    }

    private static bool IsPattern(string pattern)
    {
        try
        {
            _ = Re2Regex.Compile(pattern);
            return true;
        }
        catch (Re2SyntaxException)
        {
            // The caller makes a sentence of it, with the path of the field.
            return false;
        }
    }

    private static void CheckRetries(YamlMapping? retries, string path, ConfigProblems problems)
    {
        if (retries is not null)
        {
            problems.CheckRange(retries, path, "attempts", 0, int.MaxValue);
            problems.CheckDuration(retries, path, "perTryTimeout");
        }
    }

    private static void CheckFault(YamlMapping? fault, string path, ConfigProblems problems)
    {
        if (fault is null)
        {
            return;
        }

        if (!fault.ContainsKey("delay") && !fault.ContainsKey("abort"))
        {
            problems.Add(path, "a delay or an abort is needed.");
        }

        foreach (var kind in new[] { "delay", "abort" })
        {
            if (fault.At(kind, "percentage", "value") is YamlScalar scalar
                && scalar.TryGetDouble(out var percent) && percent is (< 0 or > 100))
            {
                problems.Add($"{path}.{kind}.percentage.value", $"{scalar.Text} is not between 0 and 100.");
            }
        }

        problems.CheckDuration(fault.Mapping("delay"), path + ".delay", "fixedDelay");
        if (fault.Mapping("abort") is { } abort)
        {
            problems.CheckRange(abort, path + ".abort", "httpStatus", 200, 599);
        }
    }

    private static void CheckRedirect(YamlMapping redirect, string path, ConfigProblems problems)
    {
        problems.CheckExclusive(redirect, path, "port", "derivePort");
        if (redirect["redirectCode"] is YamlScalar scalar && scalar.TryGetInteger(out var code)
            && code != 0 && code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        {
            problems.Add($"{path}.redirectCode", $"{code} is not one of 301, 302, 303, 307, 308.");
        }
    }
}
