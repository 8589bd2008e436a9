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
        VisibilityRules.CheckExportTo(spec, problems);
        if (spec.Mapping("workloadSelector") is { } selector)
        {
            problems.CheckAny(selector, "spec.workloadSelector", "matchLabels");
            problems.CheckLabels(selector.Mapping("matchLabels"), "spec.workloadSelector.matchLabels");
        }

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

            problems.CheckLabels(subsets[i].Mapping("labels"), $"{path}.labels");
            CheckPolicy(subsets[i].Mapping("trafficPolicy"), $"{path}.trafficPolicy", problems);
        }
    }

    private static void CheckPolicy(YamlMapping? policy, string path, ConfigProblems problems)
    {
        if (policy is null)
        {
            return;
        }

        problems.CheckAny(
            policy,
            path,
            "loadBalancer",
            "connectionPool",
            "outlierDetection",
            "tls",
            "portLevelSettings",
            "tunnel",
            "proxyProtocol",
            "retryBudget");
        problems.CheckExclusive(policy, path, "tunnel", "proxyProtocol");
        CheckTunnel(policy.Mapping("tunnel"), path + ".tunnel", problems);
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

            problems.CheckAny(ports[i], inner, "loadBalancer", "connectionPool", "outlierDetection", "tls");
            CheckSettings(ports[i], inner, problems);
        }
    }

    private static void CheckTunnel(YamlMapping? tunnel, string path, ConfigProblems problems)
    {
        if (tunnel is null)
        {
            return;
        }

        if (tunnel.Text("protocol") is { } protocol && protocol is not ("" or "CONNECT" or "POST"))
        {
            problems.Add(path + ".protocol", $"'{protocol}' is neither CONNECT nor POST.");
        }

        var host = tunnel.Text("targetHost") ?? "";
        if (!HostRules.IsHost(host) && !HostRules.IsAddress(host))
        {
            problems.Add(path + ".targetHost", $"'{host}' is neither a DNS name nor an address.");
        }

        if (!tunnel.ContainsKey("targetPort"))
        {
            problems.Add(path + ".targetPort", "a port is needed.");
        }

        problems.CheckPort(tunnel, path, "targetPort");
    }

    private static void CheckSettings(YamlMapping settings, string path, ConfigProblems problems)
    {
        LoadBalancerRules.Check(settings.Mapping("loadBalancer"), path + ".loadBalancer", problems);
        CheckPool(settings.Mapping("connectionPool"), path + ".connectionPool", problems);
        CheckOutliers(settings.Mapping("outlierDetection"), path + ".outlierDetection", problems);
        CheckTls(settings.Mapping("tls"), path + ".tls", problems);
    }

    private static void CheckPool(YamlMapping? pool, string path, ConfigProblems problems)
    {
        if (pool is null)
        {
            return;
        }

        problems.CheckAny(pool, path, "tcp", "http");
        if (pool.Mapping("http") is { } http)
        {
            if (http.Text("h2UpgradePolicy") == "UPGRADE" && http.Text("useClientProtocol") == "true")
            {
                problems.Add(path + ".http.useClientProtocol", "it cannot be true while h2UpgradePolicy is UPGRADE.");
            }

            foreach (var field in new[] { "http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection", "maxRetries", "maxConcurrentStreams" })
            {
                problems.CheckRange(http, path + ".http", field, 0, int.MaxValue);
            }

            problems.CheckDuration(http, path + ".http", "idleTimeout");
        }

        if (pool.Mapping("tcp") is { } tcp)
        {
            problems.CheckRange(tcp, path + ".tcp", "maxConnections", 0, int.MaxValue);
            problems.CheckDuration(tcp, path + ".tcp", "connectTimeout");
            problems.CheckDuration(tcp, path + ".tcp", "maxConnectionDuration");
            problems.CheckDuration(tcp.Mapping("tcpKeepalive"), path + ".tcp.tcpKeepalive", "time");
            problems.CheckDuration(tcp.Mapping("tcpKeepalive"), path + ".tcp.tcpKeepalive", "interval");
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
        if (outliers.Text("splitExternalLocalOriginErrors") != "true" && outliers.Text("consecutiveLocalOriginFailures") is { } failures && failures != "0")
        {
            problems.Add(path + ".consecutiveLocalOriginFailures", "it needs splitExternalLocalOriginErrors: true.");
        }
    }

    private static void CheckTls(YamlMapping? tls, string path, ConfigProblems problems)
    {
        if (tls?.Text("mode") is not ("SIMPLE" or "MUTUAL") || string.IsNullOrEmpty(tls.Text("credentialName")))
        {
            CheckFiles(tls, path, problems);
            return;
        }

        foreach (var field in new[] { "clientCertificate", "privateKey", "caCertificates", "caCrl" })
        {
            problems.CheckExclusive(tls, path, "credentialName", field);
        }
    }

    private static void CheckFiles(YamlMapping? tls, string path, ConfigProblems problems)
    {
        if (tls?.Text("insecureSkipVerify") == "true")
        {
            problems.CheckExclusive(tls, path, "insecureSkipVerify", "caCertificates");
            problems.CheckExclusive(tls, path, "insecureSkipVerify", "subjectAltNames");
        }

        if (tls?.Text("mode") != "MUTUAL")
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
