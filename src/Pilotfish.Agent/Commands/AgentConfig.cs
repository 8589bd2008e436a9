using Istio.Mesh.V1Alpha1;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Commands;

/// <summary>Arguments, environment and files of one agent, read once at its start.</summary>
public sealed record AgentConfig
{
    private const string OldTokenPolicy = "first-party-jwt";

    public required ProxyArguments Arguments { get; init; }

    public required AgentEnvironment Environment { get; init; }

    public required ProxyConfig ProxyConfig { get; init; }

    /// <summary>What was passed over in ProxyConfig's sources, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    public IReadOnlyDictionary<string, string>? PodLabels { get; init; }

    public IReadOnlyDictionary<string, string>? PodAnnotations { get; init; }

    /// <exception cref="AgentConfigException">A file or variable cannot be used.</exception>
    public static AgentConfig Read(ProxyArguments arguments, AgentEnvironment environment)
    {
        IReadOnlyDictionary<string, string>? annotations = PodInfo.TryRead(ControlPlaneNames.PodAnnotationsPath);
        var warnings = new List<string>();
        ProxyConfig proxyConfig = ProxyConfigReader.Read(
            arguments.MeshConfigFile, environment, annotations, arguments.ServiceCluster, arguments.Concurrency, warnings);
        if (environment.Text(AgentVariables.JwtPolicy) == OldTokenPolicy)
        {
            warnings.Add($"{AgentVariables.JwtPolicy} is '{OldTokenPolicy}', which Istio has given up: the token is '{ControlPlaneNames.ServiceAccountTokenPath}' as with 'third-party-jwt'.");
        }

        if (proxyConfig.PrivateKeyProvider is not null)
        {
            warnings.Add("ProxyConfig's privateKeyProvider has no effect: the processor itself computes with the workload's key.");
        }

        return new AgentConfig
        {
            Arguments = arguments,
            Environment = environment,
            ProxyConfig = proxyConfig,
            PodLabels = PodInfo.TryRead(ControlPlaneNames.PodLabelsPath),
            PodAnnotations = annotations,
            Warnings = warnings,
        };
    }

    public BootstrapInputs BootstrapInputs() => new()
    {
        NodeId = Arguments.NodeId,
        Environment = Environment,
        ProxyConfig = ProxyConfig,
        InstanceIps = Arguments.IpAddresses,
        ControlPlaneSans = ProxyConfig.ControlPlaneAuthPolicy == AuthenticationPolicy.MutualTls
            ? [ProxyConfigReader.ControlPlaneName(ProxyConfig.DiscoveryAddress)]
            : [],
        PodLabels = PodLabels,
        PodAnnotations = PodAnnotations,
        OutlierLogPath = Arguments.OutlierLogPath,
        IstioVersion = IstioCompatibility.Version,
        StatusPort = Environment.Number(AgentVariables.EnvoyStatusPort, IstioPorts.ProxyHealth),
        PrometheusPort = Environment.Number(AgentVariables.EnvoyPrometheusPort, IstioPorts.ProxyPrometheus),
        SecureMetricsPort = Environment.Number(AgentVariables.EnvoySecureMetricsPort, 0),
        SecureMergedMetricsPort = Environment.Number(AgentVariables.EnvoySecureMergedMetricsPort, 0),
        StsPort = Arguments.StsPort,
        ExitOnZeroActiveConnections = Environment.Flag(AgentVariables.ExitOnZeroActiveConnections, false),
        MetadataDiscovery = AgentEnvironment.ParseFlag(Environment.Text(AgentVariables.PeerMetadataDiscovery)),
        SkipDeprecatedLogs = Environment.Flag(AgentVariables.EnvoySkipDeprecatedLogs, true),
        WorkloadIdentitySocketFile = Environment.Text(AgentVariables.WorkloadIdentitySocketFile, "socket"),
        CredentialSocketExists = File.Exists(ControlPlaneNames.CredentialSocketPath),
        LogAsJson = Arguments.LogAsJson,
    };
}
