using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Injection.Rewriting;

/// <summary>Points Prometheus at the agent, which scrapes the application itself and serves both metrics as one page. What
/// the user asked Prometheus to scrape goes to the agent in a variable.</summary>
internal static class PrometheusMerge
{
    private const string MergeKey = "prometheus.istio.io/merge-metrics";
    private const string SecurePortKey = "prometheus.istio.io/secure-port";
    private const string SecurePortVariable = "ENVOY_SECURE_MERGED_METRICS_PORT";
    private const string Variable = "ISTIO_PROMETHEUS_ANNOTATIONS";

    // Prometheus replaces what is no letter or digit before it compares, so many spellings mean the same annotation.
    private const string Scrape = "prometheus_io_scrape";
    private const string Port = "prometheus_io_port";
    private const string Path = "prometheus_io_path";
    private const string Targets = "prometheus_istio_io_scrape_targets";

    /// <summary>Ports of the sidecar itself. Scraping one through the agent would count metrics twice or never end.</summary>
    private static readonly Dictionary<int, string> s_reservedPorts = new()
    {
        [15000] = "the proxy's admin interface",
        [15001] = "capture of outbound traffic",
        [15004] = "the agent's debug interface",
        [15006] = "capture of inbound traffic",
        [15008] = "the HBONE tunnel",
        [15020] = "the agent's status and merged metrics",
        [15021] = "the proxy's health",
        [15053] = "the DNS proxy",
        [15090] = "the proxy's own metrics, which are merged anyway",
    };

    /// <exception cref="InjectionException">The pod asks for a port that cannot be scraped.</exception>
    public static void Apply(YamlMapping pod, InjectionMesh mesh)
    {
        var annotations = pod.Ensure("metadata").Ensure("annotations");
        var agentPort = mesh.StatusPort;
        var agentPortText = agentPort.ToString(CultureInfo.InvariantCulture);
        var merges = GoBoolean.Parse(annotations.Text(MergeKey)) ?? mesh.MergesPrometheus;

        // A port that is ours already comes from an earlier injection, or from a user who knows.
        if (!merges || GoBoolean.Parse(Find(annotations, Scrape)) == false || Find(annotations, Port) == agentPortText)
        {
            return;
        }

        var asked = ReadAsked(annotations, agentPort);
        if (asked is not null && PodContainers.Find(pod, ContainerNames.Proxy) is { } sidecar)
        {
            var variable = new YamlMapping();
            variable.Set("name", Variable);
            variable.Set("value", NodeJson.Print(asked));
            sidecar.EnsureList("env").Items.Add(variable);
        }

        Clear(annotations);
        annotations.Set("prometheus.io/port", agentPortText);
        annotations.Set("prometheus.io/path", "/stats/prometheus");
        annotations.Set("prometheus.io/scrape", "true");
    }

    /// <summary>Takes the annotations of an earlier injection away, so that the next one starts from the user's pod.</summary>
    public static void RemoveOwn(YamlMapping pod, InjectionMesh mesh)
    {
        var annotations = pod.Ensure("metadata").Ensure("annotations");
        if (Find(annotations, Port) == mesh.StatusPort.ToString(CultureInfo.InvariantCulture))
        {
            Clear(annotations);
        }
    }

    /// <summary>Tells Prometheus about the port for scraping over mutual TLS where the proxy opens one.</summary>
    public static void AnnounceSecurePort(YamlMapping pod)
    {
        var annotations = pod.Ensure("metadata").Ensure("annotations");
        var port = PodContainers.Find(pod, ContainerNames.Proxy).FindNamed("env", SecurePortVariable)?.Text("value");
        if (port is not (null or "" or "0") && Find(annotations, Sanitize(SecurePortKey)) is null)
        {
            annotations.Set(SecurePortKey, port);
        }
    }

    /// <summary>What the user asked for, as the agent reads it; null where they asked for nothing.</summary>
    private static YamlMapping? ReadAsked(YamlMapping annotations, int agentPort)
    {
        var (scrape, path, port) = (Find(annotations, Scrape) ?? "", Find(annotations, Path) ?? "", Find(annotations, Port) ?? "");
        var targets = ReadTargets(Find(annotations, Targets));
        if (targets.Items.Count > 0)
        {
            foreach (var target in targets.Items)
            {
                CheckPort(target.TextAt("port")!, agentPort, "scrape targets (annotation 'prometheus.istio.io/scrape-targets')");
            }

            // Agents that know no targets scrape the first.
            (port, path) = (targets.Items[0].TextAt("port")!, targets.Items[0].TextAt("path")!);
        }
        else if (port.Length > 0)
        {
            CheckPort(port, agentPort, "scrape configuration (annotation 'prometheus.io/port')");
        }
        else if (scrape.Length == 0 && path.Length == 0)
        {
            return null;
        }

        var asked = new YamlMapping();
        asked.Set("scrape", scrape);
        asked.Set("path", path);
        asked.Set("port", port);
        if (targets.Items.Count > 0)
        {
            asked["targets"] = targets;
        }

        return asked;
    }

    /// <summary>`port:path` pairs with commas; the path is /metrics where it is missing. A pair without port voids the list.</summary>
    private static YamlSequence ReadTargets(string? text)
    {
        var targets = new YamlSequence();
        foreach (var pair in (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split(':', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Length == 0)
            {
                return new YamlSequence();
            }

            var target = new YamlMapping();
            target.Set("port", parts[0]);
            target.Set("path", parts.Length == 2 && parts[1].Length > 0 ? parts[1] : "/metrics");
            targets.Items.Add(target);
        }

        return targets;
    }

    private static void CheckPort(string text, int agentPort, string what)
    {
        if (!DecimalText.TryParse(text, out int port) || port is < 1 or > 65535)
        {
            throw new InjectionException($"invalid prometheus {what}: '{ShownText.Of(text)}' is no port from 1 to 65535");
        }

        if (port == agentPort)
        {
            throw new InjectionException($"invalid prometheus {what}: port {text} is the agent's own and would be scraped without end");
        }

        if (s_reservedPorts.TryGetValue(port, out var use))
        {
            throw new InjectionException($"invalid prometheus {what}: port {text} is reserved for the sidecar ({use})");
        }
    }

    private static string? Find(YamlMapping annotations, string sanitized) =>
        annotations.Entries.FirstOrDefault(entry => Sanitize(entry.Key) == sanitized)?.Value is YamlScalar scalar ? scalar.Text : null;

    private static void Clear(YamlMapping annotations)
    {
        foreach (var key in annotations.Entries.Select(entry => entry.Key).ToList())
        {
            if (Sanitize(key) is Scrape or Port or Path or Targets)
            {
                annotations.Remove(key);
            }
        }
    }

    private static string Sanitize(string key) =>
        string.Concat(key.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
}
