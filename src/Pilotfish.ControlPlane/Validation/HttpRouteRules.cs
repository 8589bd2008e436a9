using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Translation.Routes;
using Pilotfish.Language.Re2;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in an HTTP route.</summary>
internal static class HttpRouteRules
{
    /// <summary>Istio's bound: such bodies travel in each push to each proxy.</summary>
    private const int DirectBodyMax = 1024 * 1024;

    private static readonly string[] s_actions = ["route", "redirect", "directResponse", "delegate"];
    private static readonly string[] s_stringMatches = ["uri", "scheme", "method", "authority"];
    /// <summary>What a token may have beside letters and digits (RFC 9110, section 5.6.2).</summary>
    private const string TokenMarks = "!#$%&'*+-.^_`|~";

    private const string QueryParams = "queryParams";
    private static readonly string[] s_headerMatches = ["headers", "withoutHeaders"];
    private static readonly string[] s_mapMatches = [.. s_headerMatches, QueryParams];
    private static readonly string[] s_pseudoHeaders = [":method", ":scheme", ":authority", ":path", ":status"];

    public static void Check(YamlMapping route, string path, ConfigProblems problems)
    {
        if (!s_actions.Any(route.ContainsKey))
        {
            problems.Add(path, "one of route, redirect, directResponse or delegate is needed.");
        }

        problems.CheckExclusive(route, path, "route", "redirect", "directResponse", "delegate");
        foreach (var action in new[] { "redirect", "directResponse" })
        {
            problems.CheckExclusive(route, path, action, "rewrite");
            problems.CheckExclusive(route, path, action, "fault");
        }

        problems.CheckExclusive(route, path, "mirror", "mirrors");
        CheckMatches(route, path, problems);
        VirtualServiceRules.CheckDestinations(route, path, problems);
        problems.CheckDuration(route, path, "timeout");
        HttpRetryRules.Check(route.Mapping("retries"), path + ".retries", problems);
        HttpFaultRules.Check(route.Mapping("fault"), path + ".fault", problems);
        CorsRules.Check(route.Mapping("corsPolicy"), path + ".corsPolicy", problems);
        HttpHeaderRules.Check(route.Mapping("headers"), path + ".headers", problems);
        HttpHeaderRules.CheckAuthority(route, path, problems);
        CheckRewrite(route.Mapping("rewrite"), path + ".rewrite", problems);
        if (route.Mapping("redirect") is { } redirect)
        {
            CheckRedirect(redirect, path + ".redirect", problems);
        }

        if (route.Mapping("directResponse") is { } response)
        {
            problems.CheckRange(response, path + ".directResponse", "status", 200, 599);
            if (response.Mapping("body") is { } body && (body.Text("string") ?? body.Text("bytes"))?.Length > DirectBodyMax)
            {
                problems.Add(path + ".directResponse.body", $"it is longer than {DirectBodyMax} bytes.");
            }
        }

        if (route.Mapping("mirror") is { } mirror)
        {
            VirtualServiceRules.CheckDestination(mirror, path + ".mirror", problems);
        }

        problems.CheckPercent(route.Mapping("mirrorPercentage"), path + ".mirrorPercentage");
        problems.CheckRange(route, path, "mirrorPercent", 0, 100);
        var mirrors = route.Items("mirrors").ToList();
        for (var i = 0; i < mirrors.Count; i++)
        {
            VirtualServiceRules.CheckDestination(mirrors[i].Mapping("destination"), $"{path}.mirrors[{i}].destination", problems);
            problems.CheckPercent(mirrors[i].Mapping("percentage"), $"{path}.mirrors[{i}].percentage");
        }
    }

    public static bool IsPattern(string pattern)
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

    /// <summary>Claims of tokens are matched at gateways alone: a sidecar chooses the route before the server's sidecar has seen the token.</summary>
    public static void RefuseClaims(YamlMapping route, string path, ConfigProblems problems)
    {
        var matches = route.Items("match").ToList();
        for (var i = 0; i < matches.Count; i++)
        {
            foreach (var field in s_headerMatches)
            {
                foreach (var entry in matches[i].Mapping(field)?.Entries ?? [])
                {
                    if (ClaimMatches.Claim(entry.Key) is not null)
                    {
                        problems.Add($"{path}.match[{i}].{field}[{entry.Key}]", "a token's claim can choose the route at a gateway only; name one in 'gateways'.");
                    }
                }
            }
        }
    }

    private static bool IsHeaderName(string name) =>
        ClaimMatches.Claim(name) is not null || s_pseudoHeaders.Contains(name)
        || name.All(static c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c));

    private static void CheckRewrite(YamlMapping? rewrite, string path, ConfigProblems problems)
    {
        if (rewrite is null)
        {
            return;
        }

        problems.CheckAny(rewrite, path, "uri", "uriRegexRewrite", "authority");
        problems.CheckExclusive(rewrite, path, "uri", "uriRegexRewrite");
        if (rewrite.Mapping("uriRegexRewrite") is { } pattern)
        {
            foreach (var field in new[] { "match", "rewrite" })
            {
                if (string.IsNullOrEmpty(pattern.Text(field)))
                {
                    problems.Add($"{path}.uriRegexRewrite.{field}", "it is needed.");
                }
            }

            if (pattern.Text("match") is { Length: > 0 } match && !IsPattern(match))
            {
                problems.Add($"{path}.uriRegexRewrite.match", $"'{match}' is no regular expression.");
            }
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
                    else if (field != QueryParams && !IsHeaderName(entry.Key))
                    {
                        problems.Add($"{inner}.{field}", $"'{entry.Key}' is no name of a header.");
                    }

                    // A match on a header without any value asks for its presence.
                    CheckString(entry.Value as YamlMapping, $"{inner}.{field}[{entry.Key}]", mayBeEmpty: true, problems);
                }
            }

            problems.CheckPort(matches[i], inner, "port");
            VisibilityRules.CheckGateways(matches[i], inner, problems);
            problems.CheckLabels(matches[i].Mapping("sourceLabels"), inner + ".sourceLabels");
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
            // An empty prefix of a path is every path; other matches must say something.
            if (match.Text(kind) is { Length: 0 } && !(kind == "prefix" && path.EndsWith(".uri", StringComparison.Ordinal)))
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

    private static void CheckRedirect(YamlMapping redirect, string path, ConfigProblems problems)
    {
        problems.CheckExclusive(redirect, path, "port", "derivePort");
        problems.CheckAny(redirect, path, "uri", "prefixRewrite", "authority", "scheme", "port", "derivePort");
        problems.CheckExclusive(redirect, path, "uri", "prefixRewrite");
        problems.CheckPort(redirect, path, "port");
        if (redirect.Text("scheme") is { } scheme && scheme is not ("http" or "https"))
        {
            problems.Add($"{path}.scheme", $"'{scheme}' is neither http nor https.");
        }

        if (redirect["redirectCode"] is YamlScalar scalar && scalar.TryGetInteger(out var code)
            && code != 0 && code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        {
            problems.Add($"{path}.redirectCode", $"{code} is not one of 301, 302, 303, 307, 308.");
        }
    }
}
