namespace Pilotfish.ControlPlane.Injection;

/// <summary>Annotations, labels and variables that several steps of injection read or write.</summary>
internal static class InjectionKeys
{
    public const string Status = "sidecar.istio.io/status";

    public const string Overrides = "proxy.istio.io/overrides";

    public const string ProxyConfig = "proxy.istio.io/config";

    public const string Templates = "inject.istio.io/templates";

    public const string NativeSidecar = "sidecar.istio.io/nativeSidecar";

    public const string InterceptionMode = "sidecar.istio.io/interceptionMode";

    public const string ImageType = "sidecar.istio.io/proxyImageType";

    public const string NetworkLabel = "topology.istio.io/network";

    public const string ClusterVariable = "ISTIO_META_CLUSTER_ID";

    public const string NetworkVariable = "ISTIO_META_NETWORK";
}
