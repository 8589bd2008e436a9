using Istio.Mesh.V1Alpha1;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>All facts that a bootstrap is made of; nothing else is read while it is made.</summary>
public sealed record BootstrapInputs
{
    public required string NodeId { get; init; }

    public required AgentEnvironment Environment { get; init; }

    public required ProxyConfig ProxyConfig { get; init; }

    public IReadOnlyList<string> InstanceIps { get; init; } = [];

    public IReadOnlyList<string> ControlPlaneSans { get; init; } = [];

    /// <summary>The pod's labels as the kubelet mounted them; null where no such file is.</summary>
    public IReadOnlyDictionary<string, string>? PodLabels { get; init; }

    public IReadOnlyDictionary<string, string>? PodAnnotations { get; init; }

    public string OutlierLogPath { get; init; } = "";

    public string IstioVersion { get; init; } = "";

    public int StatusPort { get; init; } = Api.Names.IstioPorts.ProxyHealth;

    public int PrometheusPort { get; init; } = Api.Names.IstioPorts.ProxyPrometheus;

    public int SecureMetricsPort { get; init; }

    public int SecureMergedMetricsPort { get; init; }

    public int StsPort { get; init; }

    public bool ExitOnZeroActiveConnections { get; init; }

    /// <summary>Null: as the node's ENABLE_HBONE says.</summary>
    public bool? MetadataDiscovery { get; init; }

    public bool SkipDeprecatedLogs { get; init; }

    public string WorkloadIdentitySocketFile { get; init; } = "socket";

    public bool CredentialSocketExists { get; init; }

    public bool FileCredentialsExist { get; init; }

    public bool LogAsJson { get; init; }
}
