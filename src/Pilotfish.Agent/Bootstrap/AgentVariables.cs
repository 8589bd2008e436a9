namespace Pilotfish.Agent.Bootstrap;

/// <summary>Every environment variable that the agent reads, under Istio's names.</summary>
public static class AgentVariables
{
    public const string MetadataPrefix = "ISTIO_META_";
    public const string MetadataJsonPrefix = "ISTIO_METAJSON_";
    public const string MetadataJsonLabels = "ISTIO_METAJSON_LABELS";
    public const string PodName = "POD_NAME";
    public const string PodNamespace = "POD_NAMESPACE";
    public const string InstanceIp = "INSTANCE_IP";
    public const string HostIp = "HOST_IP";
    public const string ServiceAccount = "SERVICE_ACCOUNT";
    public const string ProxyConfig = "PROXY_CONFIG";
    public const string CpuLimit = "ISTIO_CPU_LIMIT";
    public const string ClusterId = "ISTIO_META_CLUSTER_ID";
    public const string DnsCapture = "ISTIO_META_DNS_CAPTURE";
    public const string DnsServer = "ISTIO_META_ENABLE_DNS_SERVER";
    public const string DnsProxyAddress = "DNS_PROXY_ADDR";
    public const string DnsForwardParallel = "DNS_FORWARD_PARALLEL";
    public const string DnsForwardTimeout = "DNS_FORWARD_TIMEOUT";
    public const string EnvoyStatusPort = "ENVOY_STATUS_PORT";
    public const string EnvoyPrometheusPort = "ENVOY_PROMETHEUS_PORT";
    public const string EnvoySecureMetricsPort = "ENVOY_SECURE_METRICS_PORT";
    public const string EnvoySecureMergedMetricsPort = "ENVOY_SECURE_MERGED_METRICS_PORT";
    public const string EnvoySkipDeprecatedLogs = "ENVOY_SKIP_DEPRECATED_LOGS";
    public const string EnvoyStatusPortEnableProxyProtocol = "ENVOY_STATUS_PORT_ENABLE_PROXY_PROTOCOL";
    public const string ExitOnZeroActiveConnections = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
    public const string MinimumDrainDuration = "MINIMUM_DRAIN_DURATION";
    public const string PeerMetadataDiscovery = "PEER_METADATA_DISCOVERY";
    public const string WorkloadIdentitySocketFile = "WORKLOAD_IDENTITY_SOCKET_FILE";
    public const string CompliancePolicy = "COMPLIANCE_POLICY";
    public const string DeltaXds = "ISTIO_DELTA_XDS";
    public const string DualStack = "ISTIO_DUAL_STACK";
    public const string StripFragment = "HTTP_STRIP_FRAGMENT_FROM_PATH_UNSAFE_IF_DISABLED";
    public const string MetricsLocalhostOnly = "METRICS_LOCALHOST_ACCESS_ONLY";
    public const string GlobalDownstreamMaxConnections = "ISTIO_META_GLOBAL_DOWNSTREAM_MAX_CONNECTIONS";
    public const string XdsRootCa = "XDS_ROOT_CA";
    public const string ProvisionedCertificates = "PROV_CERT";
    public const string IstiodSan = "ISTIOD_SAN";
    public const string JwtPolicy = "JWT_POLICY";
    public const string KubeAppProbers = "ISTIO_KUBE_APP_PROBERS";
    public const string PrometheusAnnotations = "ISTIO_PROMETHEUS_ANNOTATIONS";
    public const string MergeEnvoyStats = "PILOT_AGENT_MERGE_ENVOY_STATS";
    public const string LegacyLocalhostProbes = "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION";
    public const string XdsHeaderPrefix = "XDS_HEADER_";
}
