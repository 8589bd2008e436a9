using System.Globalization;
using System.Text;
using System.Text.Json;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Translation;

/// <summary>
/// The recorded listeners of a real sidecar (2023): for the services that they stand for we generate listeners of the same names,
/// matches, routes and clusters.
/// </summary>
public sealed class ConfigDumpTests
{
    [Fact]
    public void RecordedServiceListeners_AreGeneratedAlike()
    {
        var recorded = Read();
        var manifests = string.Join("\n---\n", recorded.Where(static l => l.Cluster is not null || l.Route?.Contains(':') == true).Select(Manifest)
            .Concat(recorded.Where(static l => l.Name.StartsWith("0.0.0.0_", StringComparison.Ordinal)).Select(HttpManifest)));
        var mesh = new Mesh(manifests, address: "10.9.9.9", name: "client");
        var generated = ListenerGenerator.Generate(mesh.Push, mesh.Proxy).ToDictionary(static l => l.Name);
        Assert.NotEmpty(recorded);
        foreach (var expected in recorded)
        {
            Assert.Equal(expected, Describe(generated[expected.Name]));
        }
    }

    private static List<Summary> Read()
    {
        var path = Path.Combine(ConformanceData.Folder("xds"), "sidecar-config-dump.yaml");
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var found = new List<Summary>();
        foreach (var config in document.RootElement.GetProperty("configs").EnumerateArray())
        {
            if (!config.TryGetProperty("dynamic_listeners", out var listeners))
            {
                continue;
            }

            foreach (var entry in listeners.EnumerateArray())
            {
                var listener = entry.GetProperty("active_state").GetProperty("listener");
                if (listener.TryGetProperty("bind_to_port", out _))
                {
                    found.Add(Describe(listener));
                }
            }
        }

        return found;
    }

    private static Summary Describe(JsonElement listener)
    {
        string? route = null;
        string? cluster = null;
        var matches = new StringBuilder();
        var chains = listener.GetProperty("filter_chains").EnumerateArray().ToList();
        if (listener.TryGetProperty("default_filter_chain", out var last))
        {
            chains.Add(last);
        }

        foreach (var chain in chains)
        {
            if (chain.TryGetProperty("filter_chain_match", out var match) && match.TryGetProperty("application_protocols", out var alpn))
            {
                matches.AppendJoin(',', alpn.EnumerateArray().Select(static a => a.GetString()));
            }

            var config = chain.GetProperty("filters").EnumerateArray().Last().GetProperty("typed_config");
            route = config.TryGetProperty("rds", out var rds) ? rds.GetProperty("route_config_name").GetString() : route;
            cluster = config.TryGetProperty("cluster", out var name) && name.GetString() != "PassthroughCluster" ? name.GetString() : cluster;
        }

        return new Summary(listener.GetProperty("name").GetString()!, route, cluster, matches.ToString());
    }

    private static Summary Describe(Listener listener)
    {
        string? route = null;
        string? cluster = null;
        var matches = new StringBuilder();
        foreach (var chain in listener.FilterChains.Append(listener.DefaultFilterChain).Where(static c => c is not null))
        {
            matches.AppendJoin(',', chain.FilterChainMatch?.ApplicationProtocols ?? []);
            var config = chain.Filters[^1].TypedConfig;
            if (config.Is(HttpConnectionManager.Descriptor))
            {
                route = config.Unpack<HttpConnectionManager>().Rds.RouteConfigName;
            }
            else if (config.Unpack<TcpProxy>().Cluster is not "PassthroughCluster" and var name)
            {
                cluster = name;
            }
        }

        return new Summary(listener.Name, route, cluster, matches.ToString());
    }

    // The cluster or route says which service it was; the chains say whether its port was declared.
    private static string Manifest(Summary listener)
    {
        var host = (listener.Cluster ?? listener.Route!.Replace(':', '|')).Split('|').First(static part => part.Contains(".svc.", StringComparison.Ordinal));
        var parts = host.Split('.');
        var split = listener.Name.LastIndexOf('_');
        var port = int.Parse(listener.Name.AsSpan(split + 1), CultureInfo.InvariantCulture);
        var name = listener.Route is null ? "tcp" : "plain";
        return Service($"{parts[0]}", parts[1], listener.Name[..split], port, name, host);
    }

    private static string HttpManifest(Summary listener)
    {
        var port = int.Parse(listener.Name.AsSpan("0.0.0.0_".Length), CultureInfo.InvariantCulture);
        return Service($"http-{port}", "web", "10.8.0.1", port, "http", "");
    }

    // Services with several ports come as several objects here, so each carries one port under the recorded host.
    private static string Service(string name, string ns, string address, int port, string portName, string host) => host.Length == 0
        ? $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{clusterIP: {address}, ports: [{{name: {portName}, port: {port}}}]}}"
        : $"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}-{port}, namespace: {ns}}}\n"
            + $"spec: {{hosts: [{host}], addresses: [{address}], resolution: STATIC, ports: [{{name: p{port}, number: {port}, protocol: {(portName == "tcp" ? "TCP" : "X")}}}]}}";

    private sealed record Summary(string Name, string? Route, string? Cluster, string Matches);
}
