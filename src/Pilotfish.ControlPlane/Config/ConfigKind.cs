namespace Pilotfish.ControlPlane.Config;

/// <summary>Kinds of objects that the store keeps apart. Anything else is ignored at the source.</summary>
public enum ConfigKind
{
    Other,
    Namespace,
    Service,
    Pod,
    Endpoints,
    EndpointSlice,
    ConfigMap,
    Secret,
    ServiceAccount,
    Node,
    VirtualService,
    DestinationRule,
    ServiceEntry,
    WorkloadEntry,
    WorkloadGroup,
    Sidecar,
    Gateway,
    EnvoyFilter,
    ProxyConfig,
    Telemetry,
    PeerAuthentication,
    RequestAuthentication,
    AuthorizationPolicy,
    WasmPlugin,
    TrafficExtension,

    /// <summary>The mesh configuration itself (file or ConfigMap `istio`).</summary>
    MeshConfig,
}
