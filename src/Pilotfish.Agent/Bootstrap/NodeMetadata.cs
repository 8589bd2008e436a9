using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Names;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>
/// What the proxy tells the control plane about itself: free-form values from the environment, and over them the values
/// whose type and meaning Istio fixes.
/// </summary>
public sealed class NodeMetadata
{
    private const string OldLocalityLabel = "istio-locality";
    private const string TemplateHashLabel = "pod-template-hash";
    private static readonly string[] s_flags =
    [
        "ENABLE_SELF_DISCOVERY", "DNS_CAPTURE", "DNS_AUTO_ALLOCATE", "ENABLE_HBONE", "DISABLE_HBONE_SEND",
        "INBOUND_LISTENER_EXACT_BALANCE", "OUTBOUND_LISTENER_EXACT_BALANCE",
    ];

    private readonly BootstrapInputs _inputs;

    private NodeMetadata(BootstrapInputs inputs) => _inputs = inputs;

    public Struct Values { get; } = new();

    public Locality Locality { get; private set; } = new();

    public IReadOnlyDictionary<string, string> Labels { get; private set; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Annotations { get; private set; } = new Dictionary<string, string>();

    public IReadOnlyList<string> InstanceIps { get; private set; } = [];

    public bool MetadataDiscovery { get; private set; }

    public static NodeMetadata Build(BootstrapInputs inputs)
    {
        var metadata = new NodeMetadata(inputs);
        metadata.AddFreeValues();
        metadata.AddLabels();
        metadata.AddIdentity();
        metadata.AddProxyFacts();
        return metadata;
    }

    public string Text(string key) =>
        Values.Fields.TryGetValue(key, out Value? value) && value.KindCase == Value.KindOneofCase.StringValue
            ? value.StringValue
            : "";

    public bool Flag(string key) => AgentEnvironment.ParseFlag(Text(key)) ?? false;

    private void AddFreeValues()
    {
        foreach ((string name, string value) in _inputs.ProxyConfig.ProxyMetadata)
        {
            if (name.StartsWith(AgentVariables.MetadataPrefix, StringComparison.Ordinal))
            {
                Set(name[AgentVariables.MetadataPrefix.Length..], value);
            }
        }

        foreach ((string name, string value) in _inputs.Environment.Variables)
        {
            if (name.StartsWith(AgentVariables.MetadataPrefix, StringComparison.Ordinal))
            {
                Set(name[AgentVariables.MetadataPrefix.Length..], value);
            }
        }

        // A variable of this prefix holds an object; its keys, not the variable's name, become metadata.
        foreach ((string name, string value) in _inputs.Environment.Variables)
        {
            if (name.StartsWith(AgentVariables.MetadataJsonPrefix, StringComparison.Ordinal)
                && YamlDocuments.Parse(value, name).Documents is [YamlMapping values])
            {
                Values.MergeFrom(StructConversion.ToStruct(values));
            }
        }

        string dnsProxy = _inputs.Environment.Text(AgentVariables.DnsProxyAddress);
        if (dnsProxy.Length > 0)
        {
            Set("DNS_PROXY_ADDR", dnsProxy);
        }

        foreach (string flag in s_flags)
        {
            if (Flag(flag))
            {
                Set(flag, "true");
            }
        }
    }

    private void AddLabels()
    {
        Dictionary<string, string> fixedLabels = FixedLabels();
        Dictionary<string, string> labels = fixedLabels;
        if (_inputs.PodLabels is not null)
        {
            labels = new Dictionary<string, string>(fixedLabels, StringComparer.Ordinal);
            foreach ((string key, string value) in _inputs.PodLabels)
            {
                // It differs between replica sets of one deployment and would split every metric.
                if (key != TemplateHashLabel)
                {
                    labels[key] = value;
                }
            }
        }

        string locality = labels.GetValueOrDefault(IstioLabels.TopologyLocality)
            ?? labels.GetValueOrDefault(OldLocalityLabel)
            ?? "";
        if (locality.Length > 0)
        {
            // Label values of Kubernetes cannot hold a slash; dots stand for it.
            locality = locality.Contains('/') ? locality : locality.Replace('.', '/');
            labels[OldLocalityLabel] = locality;
            string[] parts = locality.Split('/');
            Locality = new Locality
            {
                Region = parts[0],
                Zone = parts.Length > 1 ? parts[1] : "",
                SubZone = parts.Length > 2 ? parts[2] : "",
            };
        }

        Labels = labels;
        Set("LABELS", labels);
        Set("STATIC_LABELS", fixedLabels);
        Annotations = _inputs.PodAnnotations ?? new Dictionary<string, string>();
        Set("ANNOTATIONS", Annotations);
    }

    private Dictionary<string, string> FixedLabels()
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        string json = _inputs.Environment.Text(AgentVariables.MetadataJsonLabels);
        if (json.Length > 0 && YamlDocuments.Parse(json, AgentVariables.MetadataJsonLabels).Documents is [YamlMapping mapping])
        {
            foreach (YamlEntry entry in mapping.Entries)
            {
                if (entry.Value is YamlScalar scalar)
                {
                    labels[entry.Key] = scalar.Text;
                }
            }
        }

        return labels;
    }

    private void AddIdentity()
    {
        AgentEnvironment environment = _inputs.Environment;
        SetUnlessEmpty("NAME", environment.Text(AgentVariables.PodName));
        SetUnlessEmpty("NAMESPACE", environment.Text(AgentVariables.PodNamespace));
        SetUnlessEmpty("SERVICE_ACCOUNT", environment.Text(AgentVariables.ServiceAccount));
        InstanceIps = [.. _inputs.InstanceIps.Distinct()];
        SetUnlessEmpty("INSTANCE_IPS", string.Join(',', InstanceIps));
        if (Text("ISTIO_VERSION").Length == 0)
        {
            SetUnlessEmpty("ISTIO_VERSION", _inputs.IstioVersion);
        }

        if (_inputs.ControlPlaneSans.Count > 0)
        {
            Values.Fields["PILOT_SAN"] = Value.ForList([.. _inputs.ControlPlaneSans.Select(Value.ForString)]);
        }
    }

    private void AddProxyFacts()
    {
        Values.Fields["PROXY_CONFIG"] = Value.ForStruct(StructConversion.ToStruct(_inputs.ProxyConfig, SidecarShapes.ProxyConfig));
        SetUnlessEmpty("STS_PORT", _inputs.StsPort == 0 ? "" : _inputs.StsPort.ToString());
        SetPort("ENVOY_STATUS_PORT", _inputs.StatusPort);
        SetPort("ENVOY_PROMETHEUS_PORT", _inputs.PrometheusPort);
        SetPort("ENVOY_SECURE_METRICS_PORT", _inputs.SecureMetricsPort);
        SetPort("ENVOY_SECURE_MERGED_METRICS_PORT", _inputs.SecureMergedMetricsPort);
        SetUnlessEmpty("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", _inputs.ExitOnZeroActiveConnections ? "true" : "");
        SetUnlessEmpty("ENVOY_SKIP_DEPRECATED_LOGS", _inputs.SkipDeprecatedLogs ? "true" : "");
        SetUnlessEmpty("WORKLOAD_IDENTITY_SOCKET_FILE", _inputs.WorkloadIdentitySocketFile);
        SetUnlessEmpty("OUTLIER_LOG_PATH", _inputs.OutlierLogPath);
        MetadataDiscovery = _inputs.MetadataDiscovery ?? Flag("ENABLE_HBONE");
        Set("METADATA_DISCOVERY", MetadataDiscovery ? "true" : "false");
        SetUnlessEmpty("credential", _inputs.CredentialSocketExists ? "true" : "");
        SetUnlessEmpty("file-credential", _inputs.FileCredentialsExist ? "true" : "");
    }

    private void Set(string key, string value) => Values.Fields[key] = Value.ForString(value);

    private void Set(string key, IReadOnlyDictionary<string, string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        var nested = new Struct();
        foreach ((string name, string value) in values)
        {
            nested.Fields[name] = Value.ForString(value);
        }

        Values.Fields[key] = Value.ForStruct(nested);
    }

    private void SetUnlessEmpty(string key, string value)
    {
        if (value.Length > 0)
        {
            Set(key, value);
        }
    }

    private void SetPort(string key, int port)
    {
        if (port != 0)
        {
            Values.Fields[key] = Value.ForNumber(port);
        }
    }
}
