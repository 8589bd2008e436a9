using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in a DestinationRule beyond its types.</summary>
internal static class DestinationRuleRules
{
    public static void Check(YamlMapping spec, ConfigProblems problems)
    {
        var host = spec.Text("host") ?? "";
        if (!HostRules.IsWildcardHost(host) && !HostRules.IsAddress(host))
        {
            problems.Add("spec.host", host.Length == 0 ? "a host is needed." : $"'{host}' is neither a DNS name nor an address.");
        }

        CheckPolicy(spec.Mapping("trafficPolicy"), "spec.trafficPolicy", problems);
        var subsets = spec.Items("subsets").ToList();
        for (var i = 0; i < subsets.Count; i++)
        {
            var (name, path) = (subsets[i].Text("name") ?? "", $"spec.subsets[{i}]");
            if (!HostRules.IsLabel(name))
            {
                problems.Add($"{path}.name", name.Length == 0 ? "a name is needed." : $"'{name}' is no name of a subset.");
            }
            else if (subsets.FindIndex(subset => subset.Text("name") == name) < i)
            {
                problems.Add($"{path}.name", $"the subset '{name}' is defined twice.");
            }

            CheckPolicy(subsets[i].Mapping("trafficPolicy"), $"{path}.trafficPolicy", problems);
        }
    }

    private static void CheckPolicy(YamlMapping? policy, string path, ConfigProblems problems)
    {
        if (policy is null)
        {
            return;
        }

        CheckSettings(policy, path, problems);
        var ports = policy.Items("portLevelSettings").ToList();
        for (var i = 0; i < ports.Count; i++)
        {
            var inner = $"{path}.portLevelSettings[{i}]";
            if (ports[i].Mapping("port") is { } port)
            {
                problems.CheckPort(port, inner + ".port", "number");
            }
            else
            {
                problems.Add(inner + ".port", "a port is needed.");
            }

            CheckSettings(ports[i], inner, problems);
        }
    }

    private static void CheckSettings(YamlMapping settings, string path, ConfigProblems problems)
    {
        CheckBalancer(settings.Mapping("loadBalancer"), path + ".loadBalancer", problems);
        CheckPool(settings.Mapping("connectionPool"), path + ".connectionPool", problems);
        CheckOutliers(settings.Mapping("outlierDetection"), path + ".outlierDetection", problems);
        CheckTls(settings.Mapping("tls"), path + ".tls", problems);
    }

    private static void CheckBalancer(YamlMapping? balancer, string path, ConfigProblems problems)
    {
        if (balancer?.Mapping("consistentHash") is not { } hash)
        {
            return;
        }

        problems.CheckExclusive(balancer, path, "simple", "consistentHash");
        problems.CheckExclusive(
            hash, path + ".consistentHash", "httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName");
        if (hash.Mapping("httpCookie") is { } cookie && string.IsNullOrEmpty(cookie.Text("name")))
        {
            problems.Add(path + ".consistentHash.httpCookie.name", "a name is needed.");
        }
    }

    private static void CheckPool(YamlMapping? pool, string path, ConfigProblems problems)
    {
        if (pool?.Mapping("http") is { } http)
        {
            foreach (var field in new[] { "http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection", "maxRetries" })
            {
                problems.CheckRange(http, path + ".http", field, 0, int.MaxValue);
            }

            problems.CheckDuration(http, path + ".http", "idleTimeout");
        }

        if (pool?.Mapping("tcp") is { } tcp)
        {
            problems.CheckRange(tcp, path + ".tcp", "maxConnections", 0, int.MaxValue);
            problems.CheckDuration(tcp, path + ".tcp", "connectTimeout");
        }
    }

    private static void CheckOutliers(YamlMapping? outliers, string path, ConfigProblems problems)
    {
        if (outliers is null)
        {
            return;
        }

        problems.CheckDuration(outliers, path, "interval");
        problems.CheckDuration(outliers, path, "baseEjectionTime");
        problems.CheckRange(outliers, path, "maxEjectionPercent", 0, 100);
        problems.CheckRange(outliers, path, "minHealthPercent", 0, 100);
    }

    private static void CheckTls(YamlMapping? tls, string path, ConfigProblems problems)
    {
        if (tls?.Text("mode") != "MUTUAL" || tls.ContainsKey("credentialName"))
        {
            return;
        }

        foreach (var field in new[] { "clientCertificate", "privateKey" })
        {
            if (string.IsNullOrEmpty(tls.Text(field)))
            {
                problems.Add($"{path}.{field}", "mutual TLS needs it.");
            }
        }
    }
}
