using System.Net;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses in a VirtualService beyond its types.</summary>
internal static class VirtualServiceRules
{
    private const string MeshGateway = "mesh";

    public static void Check(YamlMapping spec, ConfigProblems problems)
    {
        var hosts = Texts(spec, "hosts");
        var gateways = Texts(spec, "gateways");
        var isDelegate = hosts.Count == 0 && gateways.Count == 0;
        if (hosts.Count == 0 && !isDelegate)
        {
            problems.Add("spec.hosts", "at least one host is needed.");
        }

        for (var i = 0; i < hosts.Count; i++)
        {
            CheckHost(hosts, i, gateways, problems);
        }

        var routes = new[] { "http", "tcp", "tls" }.Count(kind => spec.Sequence(kind) is { Items.Count: > 0 });
        if (routes == 0)
        {
            problems.Add("spec", "one of http, tcp or tls is needed.");
        }

        VisibilityRules.CheckExportTo(spec, problems);
        VisibilityRules.CheckGateways(spec, "spec", problems);
        CheckRoutes(spec, "http", problems, HttpRouteRules.Check);
        if (gateways.Count == 0 || gateways.Contains(MeshGateway))
        {
            CheckRoutes(spec, "http", problems, HttpRouteRules.RefuseClaims);
        }

        CheckRoutes(spec, "tcp", problems, CheckTcp);
        CheckRoutes(spec, "tls", problems, (route, path, p) => CheckTls(route, path, hosts, p));
    }

    /// <summary>The destinations of a route: hosts, ports and weights.</summary>
    public static void CheckDestinations(YamlMapping route, string path, ConfigProblems problems)
    {
        var destinations = route.Items("route").ToList();
        var total = 0L;
        for (var i = 0; i < destinations.Count; i++)
        {
            var inner = $"{path}.route[{i}]";
            CheckDestination(destinations[i].Mapping("destination"), inner + ".destination", problems);
            problems.CheckRange(destinations[i], inner, "weight", 0, int.MaxValue);
            HttpHeaderRules.Check(destinations[i].Mapping("headers"), inner + ".headers", problems);
            total += destinations[i]["weight"] is YamlScalar scalar && scalar.TryGetInteger(out var weight) ? (long)weight : 0;
        }

        if (destinations.Count > 1 && total == 0)
        {
            problems.Add($"{path}.route", "the weights of all destinations add up to 0.");
        }
    }

    public static void CheckDestination(YamlMapping? destination, string path, ConfigProblems problems)
    {
        var host = destination?.Text("host") ?? "";
        if (host.Length == 0 || host == "*" || (!HostRules.IsWildcardHost(host) && !HostRules.IsAddress(host)))
        {
            problems.Add($"{path}.host", host.Length == 0 ? "a host is needed." : $"'{host}' is no host of a destination.");
        }

        if (destination?.Text("subset") is { } subset && !HostRules.IsLabel(subset))
        {
            problems.Add($"{path}.subset", $"'{subset}' is no name of a subset.");
        }

        if (destination?.Mapping("port") is { } port)
        {
            problems.CheckPort(port, path + ".port", "number");
        }
    }

    private static void CheckHost(List<string> hosts, int index, List<string> gateways, ConfigProblems problems)
    {
        var (host, path) = (hosts[index], $"spec.hosts[{index}]");
        if (!HostRules.IsWildcardHost(host) && !HostRules.IsAddress(host))
        {
            problems.Add(path, $"'{host}' is neither a DNS name nor an address.");
        }
        else if (host == "*" && (gateways.Count == 0 || gateways.Contains(MeshGateway)))
        {
            problems.Add(path, "the host '*' is not allowed for sidecars; bind it to a gateway.");
        }
        else if (hosts.IndexOf(host) < index)
        {
            problems.Add(path, $"the host '{host}' is named twice.");
        }
    }

    private static void CheckRoutes(
        YamlMapping spec, string kind, ConfigProblems problems, Action<YamlMapping, string, ConfigProblems> check)
    {
        var routes = spec.Items(kind).ToList();
        for (var i = 0; i < routes.Count; i++)
        {
            check(routes[i], $"spec.{kind}[{i}]", problems);
        }
    }

    private static void CheckTcp(YamlMapping route, string path, ConfigProblems problems)
    {
        if (!route.Items("route").Any())
        {
            problems.Add($"{path}.route", "a TCP route needs a destination.");
        }

        var matches = route.Items("match").ToList();
        for (var i = 0; i < matches.Count; i++)
        {
            CheckConnection(matches[i], $"{path}.match[{i}]", problems);
        }

        CheckDestinations(route, path, problems);
    }

    /// <summary>What matches of TCP and TLS connections have in common.</summary>
    private static void CheckConnection(YamlMapping match, string path, ConfigProblems problems)
    {
        problems.CheckPort(match, path, "port");
        problems.CheckLabels(match.Mapping("sourceLabels"), path + ".sourceLabels");
        VisibilityRules.CheckGateways(match, path, problems);
        var subnets = Texts(match, "destinationSubnets");
        for (var i = 0; i < subnets.Count; i++)
        {
            if (!IPNetwork.TryParse(subnets[i], out _) && !HostRules.IsAddress(subnets[i]))
            {
                problems.Add($"{path}.destinationSubnets[{i}]", $"'{subnets[i]}' is neither an address nor a range such as 10.0.0.0/8.");
            }
        }
    }

    private static void CheckTls(YamlMapping route, string path, List<string> hosts, ConfigProblems problems)
    {
        var matches = route.Items("match").ToList();
        if (matches.Count == 0)
        {
            problems.Add($"{path}.match", "a TLS route needs a match with sniHosts.");
        }

        for (var i = 0; i < matches.Count; i++)
        {
            var names = Texts(matches[i], "sniHosts");
            if (names.Count == 0)
            {
                problems.Add($"{path}.match[{i}].sniHosts", "at least one name is needed.");
            }

            foreach (var name in names.Where(name => !hosts.Exists(host => Covers(host, name))))
            {
                problems.Add($"{path}.match[{i}].sniHosts", $"'{name}' is not covered by any of the hosts.");
            }

            CheckConnection(matches[i], $"{path}.match[{i}]", problems);
        }

        if (!route.Items("route").Any())
        {
            problems.Add($"{path}.route", "a TLS route needs a destination.");
        }

        CheckDestinations(route, path, problems);
    }

    private static bool Covers(string host, string name) =>
        host == name || host == "*"
        || (host.StartsWith('*') && name.EndsWith(host[1..], StringComparison.OrdinalIgnoreCase));

    private static List<string> Texts(YamlMapping node, string field) =>
        node.Sequence(field)?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];
}
