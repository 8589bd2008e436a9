namespace Pilotfish.Api.Names;

/// <summary>Labels of Istio, under the names that its own API gives them.</summary>
public static class IstioLabels
{
    public const string GatewayManaged = "gateway.istio.io/managed";
    public const string IoK8sNetworkingGatewayGatewayClassName = "gateway.networking.k8s.io/gateway-class-name";
    public const string IoK8sNetworkingGatewayGatewayName = "gateway.networking.k8s.io/gateway-name";
    public const string IoIstioDataplaneMode = "istio.io/dataplane-mode";
    public const string IoIstioIngressUseWaypoint = "istio.io/ingress-use-waypoint";
    public const string IoIstioRev = "istio.io/rev";
    public const string IoIstioTag = "istio.io/tag";
    public const string IoIstioUseWaypoint = "istio.io/use-waypoint";
    public const string IoIstioUseWaypointCanary = "istio.io/use-waypoint-canary";
    public const string IoIstioUseWaypointCanaryNamespace = "istio.io/use-waypoint-canary-namespace";
    public const string IoIstioUseWaypointNamespace = "istio.io/use-waypoint-namespace";
    public const string IoIstioWaypointFor = "istio.io/waypoint-for";
    public const string NetworkingEnableAutoallocateIp = "networking.istio.io/enable-autoallocate-ip";
    public const string NetworkingGatewayPort = "networking.istio.io/gatewayPort";
    public const string OperatorComponent = "operator.istio.io/component";
    public const string OperatorManaged = "operator.istio.io/managed";
    public const string OperatorVersion = "operator.istio.io/version";
    public const string SecurityTlsMode = "security.istio.io/tlsMode";
    public const string ServiceCanonicalName = "service.istio.io/canonical-name";
    public const string ServiceCanonicalRevision = "service.istio.io/canonical-revision";
    public const string ServiceWorkloadName = "service.istio.io/workload-name";
    public const string SidecarInject = "sidecar.istio.io/inject";
    public const string TopologyCluster = "topology.istio.io/cluster";
    public const string TopologyLocality = "topology.istio.io/locality";
    public const string TopologyNetwork = "topology.istio.io/network";
    public const string TopologySubzone = "topology.istio.io/subzone";
}
