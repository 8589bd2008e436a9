using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Yaml;
using Pilotfish.Language.Numbers;

namespace Pilotfish.Agent.Health;

/// <summary>Where the application's own metrics are: ISTIO_PROMETHEUS_ANNOTATIONS as the injector writes it.</summary>
public sealed record ScrapeConfig(IReadOnlyList<ScrapeTarget> Targets)
{
    private const string Invalid = "invalid prometheus scrape configuration: ";

    private static readonly Dictionary<string, string> s_reserved = new()
    {
        ["15000"] = "Envoy admin",
        ["15001"] = "outbound traffic capture",
        ["15004"] = "pilot debug",
        ["15006"] = "inbound traffic capture",
        ["15008"] = "HBONE tunnel",
        ["15020"] = "pilot-agent status / merged Prometheus",
        ["15021"] = "Envoy health",
        ["15053"] = "DNS proxy",
        ["15090"] = "Envoy Prometheus (already merged)",
    };

    /// <summary>Null where the application is not to be scraped.</summary>
    /// <exception cref="AgentConfigException">A port is unusable; scraping our own would never end.</exception>
    public static ScrapeConfig? Read(string json, int statusPort)
    {
        if (json.Length == 0)
        {
            return null;
        }

        YamlParseResult parsed = YamlDocuments.Parse(json, AgentVariables.PrometheusAnnotations);
        if (parsed.Documents is not [YamlMapping config])
        {
            throw new AgentConfigException(
                $"failed to unmarshal {AgentVariables.PrometheusAnnotations}: {string.Join(' ', parsed.Errors)}");
        }

        if (config.Text("scrape") == "false")
        {
            return null;
        }

        var targets = new List<ScrapeTarget>();
        foreach (YamlMapping target in config.Sequence("targets")?.Items.OfType<YamlMapping>() ?? [])
        {
            targets.Add(new ScrapeTarget(target.Text("port") ?? "", NonEmpty(target.Text("path"), "/metrics")));
        }

        if (targets.Count == 0)
        {
            targets.Add(new ScrapeTarget(NonEmpty(config.Text("port"), "80"), NonEmpty(config.Text("path"), "/metrics")));
        }

        targets.ForEach(target => Check(target, statusPort));
        return new ScrapeConfig(targets);
    }

    private static void Check(ScrapeTarget target, int statusPort)
    {
        if (!DecimalText.TryParse(target.Port, out int port) || port is < 1 or > ushort.MaxValue)
        {
            throw new AgentConfigException($"{Invalid}invalid target port \"{target.Port}\"");
        }

        if (port == statusPort)
        {
            throw new AgentConfigException(
                $"{Invalid}application port is the same as agent port, which may lead to a recursive loop. "
                + $"Ensure pod does not have prometheus.io/port={statusPort} label, or that injection is not happening multiple times");
        }

        if (s_reserved.TryGetValue(target.Port, out string? owner))
        {
            throw new AgentConfigException(
                $"{Invalid}target port {target.Port} is reserved for Istio ({owner}) and cannot be scraped");
        }
    }

    private static string NonEmpty(string? text, string fallback) => string.IsNullOrEmpty(text) ? fallback : text;
}
