using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Names;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>ProxyConfig in Istio's order of sources: defaults, mesh file, PROXY_CONFIG, the pod's annotation.</summary>
public static class ProxyConfigReader
{
    private const string LocalDiscovery = "localhost";
    private const string DefaultConfigKey = "defaultConfig";
    private const string DefaultConfigProtoKey = "default_config";
    private const string DefaultDiscoveryHost = "istiod.istio-system.svc";

    // Newer fields in a mesh file must not keep a pod from starting.
    private static readonly ReadOptions s_lenient = ReadOptions.Istio with { UnknownFields = UnknownFields.Warn };

    public static ProxyConfig Default() => new()
    {
        ConfigPath = "./etc/istio/proxy",
        ServiceCluster = "istio-proxy",
        DrainDuration = new Duration { Seconds = 45 },
        TerminationDrainDuration = new Duration { Seconds = 5 },
        ProxyAdminPort = IstioPorts.ProxyAdmin,
        ControlPlaneAuthPolicy = AuthenticationPolicy.MutualTls,
        DiscoveryAddress = "istiod.istio-system.svc:15012",
        BinaryPath = "/usr/local/bin/envoy",
        StatNameLength = 189,
        StatusPort = IstioPorts.AgentStatus,
    };

    /// <param name="meshConfigFile">May be missing, then defaults count.</param>
    /// <param name="concurrency">The flag of old; zero where it was not given.</param>
    /// <param name="warnings">Receives what was passed over, such as misspelt fields.</param>
    /// <exception cref="AgentConfigException">A source cannot be read.</exception>
    public static ProxyConfig Read(
        string meshConfigFile,
        AgentEnvironment environment,
        IReadOnlyDictionary<string, string>? podAnnotations,
        string serviceCluster,
        int concurrency,
        List<string> warnings)
    {
        ProxyConfig config = Default();
        if (File.Exists(meshConfigFile))
        {
            ApplyMesh(config, ReadFile(meshConfigFile), meshConfigFile, warnings);
        }

        string variable = environment.Text(AgentVariables.ProxyConfig);
        if (variable.Length > 0)
        {
            Apply(config, Parse(variable, AgentVariables.ProxyConfig, warnings));
        }

        if (podAnnotations?.GetValueOrDefault(IstioAnnotations.ProxyConfig) is { Length: > 0 } annotation)
        {
            Apply(config, Parse(annotation, IstioAnnotations.ProxyConfig, warnings));
        }

        SetConcurrency(config, environment, concurrency);
        if (config.ClusterNameCase == ProxyConfig.ClusterNameOneofCase.ServiceCluster && config.ServiceCluster.Length == 0)
        {
            config.ServiceCluster = serviceCluster;
        }

        ApplyAnnotations(config, podAnnotations);
        return config;
    }

    /// <summary>The name that the control plane's certificate must carry.</summary>
    public static string ControlPlaneName(string discoveryAddress)
    {
        string host = discoveryAddress.Split(':')[0];
        return host == LocalDiscovery ? DefaultDiscoveryHost : host;
    }

    private static void Apply(ProxyConfig config, ProxyConfig over)
    {
        // Lists replace, as they do when Istio's reader meets a list; maps and messages merge.
        if (over.ExtraStatTags.Count > 0)
        {
            config.ExtraStatTags.Clear();
        }

        // A duration is one value: merged field by field, "0s" would change nothing and "500ms" would be added.
        config.DrainDuration = over.DrainDuration is null ? config.DrainDuration : null;
        config.TerminationDrainDuration = over.TerminationDrainDuration is null ? config.TerminationDrainDuration : null;
        config.MergeFrom(over);
    }

    private static void SetConcurrency(ProxyConfig config, AgentEnvironment environment, int concurrency)
    {
        int limit = environment.Number(AgentVariables.CpuLimit, 0);
        if (config.Concurrency is null && limit != 0)
        {
            config.Concurrency = limit;
        }

        if (concurrency != 0)
        {
            config.Concurrency = concurrency;
        }
    }

    private static void ApplyAnnotations(ProxyConfig config, IReadOnlyDictionary<string, string>? annotations)
    {
        if (annotations is null)
        {
            return;
        }

        if (annotations.TryGetValue(IstioAnnotations.SidecarDiscoveryAddress, out string? discovery))
        {
            config.DiscoveryAddress = discovery;
        }

        if (annotations.TryGetValue(IstioAnnotations.SidecarStatusPort, out string? port))
        {
            // What is no number means 0: the status server is off. This is Istio's reading of a broken annotation.
            config.StatusPort = int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        }
    }

    private static string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentConfigException($"The mesh config file '{path}' cannot be read: {FailureText.Of(e)}.");
        }
    }

    /// <summary>The rest of a mesh file is the control plane's, which checks it.</summary>
    private static void ApplyMesh(ProxyConfig config, string text, string source, List<string> warnings)
    {
        YamlParseResult parsed = YamlDocuments.Parse(text, source);
        if (!parsed.IsOk)
        {
            throw Refused(parsed.Errors);
        }

        switch (parsed.Documents)
        {
            case []:
                break;
            case [YamlMapping mesh]:
                if ((mesh[DefaultConfigKey] ?? mesh[DefaultConfigProtoKey]) is { IsNull: false } given)
                {
                    Apply(config, Accepted(MessageReader.Read<ProxyConfig>(given, SidecarShapes.ProxyConfig, s_lenient), warnings));
                }

                break;
            case [{ IsNull: true }]:
                break;
            default:
                throw new AgentConfigException($"The mesh config file '{source}' must hold one mapping.");
        }
    }

    private static ProxyConfig Parse(string text, string source, List<string> warnings) =>
        Accepted(MessageReader.Parse<ProxyConfig>(text, source, SidecarShapes.ProxyConfig, s_lenient), warnings);

    private static ProxyConfig Accepted(ReadResult<ProxyConfig> result, List<string> warnings)
    {
        warnings.AddRange(result.Warnings.Select(static warning => warning.ToString()));
        return result.Message ?? throw Refused(result.Errors);
    }

    private static AgentConfigException Refused(IReadOnlyList<SourceError> errors) => new(string.Join(Environment.NewLine, errors));
}
