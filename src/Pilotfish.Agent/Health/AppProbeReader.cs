using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Agent.Health;

/// <summary>Reads ISTIO_KUBE_APP_PROBERS: a JSON object from path to probe, in Kubernetes' own field names.</summary>
public static class AppProbeReader
{
    private static readonly string[] s_lastSegments = ["livez", "readyz", "startupz", "prestopz", "poststartz"];

    /// <exception cref="AgentConfigException">The text is not what the injector writes.</exception>
    public static IReadOnlyDictionary<string, AppProbe> Read(string json)
    {
        var probes = new Dictionary<string, AppProbe>(StringComparer.Ordinal);
        if (json.Length == 0)
        {
            return probes;
        }

        YamlParseResult parsed = YamlDocuments.Parse(json, AgentVariables.KubeAppProbers);
        if (parsed.Documents is not [YamlMapping all])
        {
            throw new AgentConfigException($"failed to decode app prober: {string.Join(' ', parsed.Errors)} in '{json}'");
        }

        foreach (YamlEntry entry in all.Entries)
        {
            if (!IsProbePath(entry.Key))
            {
                throw new AgentConfigException(
                    $"The path '{entry.Key}' of {AgentVariables.KubeAppProbers} is not of the form /app-health/CONTAINER/readyz.");
            }

            probes[entry.Key] = entry.Value is YamlMapping probe
                ? ReadProbe(entry.Key, probe)
                : throw new AgentConfigException($"The probe '{entry.Key}' is no object.");
        }

        return probes;
    }

    private static bool IsProbePath(string path) => path.Split('/') switch
    {
        ["", "app-health" or "app-lifecycle", { Length: > 0 }, var last] => s_lastSegments.Contains(last),
        _ => false,
    };

    private static AppProbe ReadProbe(string path, YamlMapping probe)
    {
        YamlMapping? http = probe.Mapping("httpGet");
        YamlMapping? tcp = probe.Mapping("tcpSocket");
        YamlMapping? grpc = probe.Mapping("grpc");
        YamlMapping?[] given = [.. new[] { http, tcp, grpc }.Where(kind => kind is not null)];
        if (given is not [{ } only])
        {
            throw new AgentConfigException($"The probe '{path}' must be one of httpGet, tcpSocket and grpc.");
        }

        // Named ports are resolved by the injector, who sees the container; here only numbers mean something.
        if (only["port"] is not YamlScalar { Kind: YamlScalarKind.Integer } port || !port.TryGetInteger(out Int128 number)
            || number < 1 || number > ushort.MaxValue)
        {
            throw new AgentConfigException($"The probe '{path}' has no port number from 1 to 65535.");
        }

        string probePath = http?.Text("path") ?? "/";
        bool hasTimeout = probe["timeoutSeconds"] is YamlScalar seconds && seconds.TryGetInteger(out _);
        return new AppProbe
        {
            Kind = http is not null ? AppProbeKind.Http : tcp is not null ? AppProbeKind.Tcp : AppProbeKind.Grpc,
            Port = (int)number,
            Path = probePath.StartsWith('/') ? probePath : "/" + probePath,
            IsHttps = http?.Text("scheme") == "HTTPS",
            Service = grpc?.Text("service") ?? "",
            Timeout = TimeSpan.FromSeconds(hasTimeout ? int.Parse(probe.Text("timeoutSeconds")!) : 0),
        };
    }
}
