namespace Pilotfish.Api.Names;

/// <summary>Paths and headers that agent and control plane agree on.</summary>
public static class ControlPlaneNames
{
    public const string ServiceAccountTokenPath = "./var/run/secrets/tokens/istio-token";
    public const string RootCertificatePath = "./var/run/secrets/istio/root-cert.pem";
    public const string PodLabelsPath = "./etc/istio/pod/labels";
    public const string PodAnnotationsPath = "./etc/istio/pod/annotations";
    public const string CpuLimitPath = "./etc/istio/pod/cpu-limit";
    public const string MeshConfigPath = "./etc/istio/config/mesh";
    public const string WorkloadSocketDirectory = "./var/run/secrets/workload-spiffe-uds";
    public const string XdsClusterName = "xds-grpc";
    public const string CaClusterName = "ca-grpc";
    public const string SdsClusterName = "sds-grpc";
    public const string SdsFilesClusterName = "sds-files-grpc";
    public const string CredentialSocketPath = "./var/run/secrets/credential-uds/socket";
    public const string FilesSocketPath = "./var/run/secrets/credential-uds/files-socket";
    public const string ClusterIdHeader = "ClusterID";
}
