using Google.Protobuf.Reflection;
using Istio.Extensions.V1Alpha1;
using Istio.Networking.V1Alpha3;
using Istio.Security.V1Beta1;
using Istio.Telemetry.V1Alpha1;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Which kinds the control plane reads, and the message behind each Istio kind's spec.</summary>
internal static class ObjectKinds
{
    private static readonly Dictionary<(string Group, string Kind), (ConfigKind Kind, MessageDescriptor Spec)> s_istio = new()
    {
        [("networking.istio.io", "VirtualService")] = (ConfigKind.VirtualService, VirtualService.Descriptor),
        [("networking.istio.io", "DestinationRule")] = (ConfigKind.DestinationRule, DestinationRule.Descriptor),
        [("networking.istio.io", "ServiceEntry")] = (ConfigKind.ServiceEntry, ServiceEntry.Descriptor),
        [("networking.istio.io", "WorkloadEntry")] = (ConfigKind.WorkloadEntry, WorkloadEntry.Descriptor),
        [("networking.istio.io", "WorkloadGroup")] = (ConfigKind.WorkloadGroup, WorkloadGroup.Descriptor),
        [("networking.istio.io", "Sidecar")] = (ConfigKind.Sidecar, Istio.Networking.V1Alpha3.Sidecar.Descriptor),
        [("networking.istio.io", "Gateway")] = (ConfigKind.Gateway, Gateway.Descriptor),
        [("networking.istio.io", "EnvoyFilter")] = (ConfigKind.EnvoyFilter, EnvoyFilter.Descriptor),
        [("networking.istio.io", "ProxyConfig")] = (ConfigKind.ProxyConfig, Istio.Networking.V1Beta1.ProxyConfig.Descriptor),
        [("telemetry.istio.io", "Telemetry")] = (ConfigKind.Telemetry, Telemetry.Descriptor),
        [("security.istio.io", "PeerAuthentication")] = (ConfigKind.PeerAuthentication, PeerAuthentication.Descriptor),
        [("security.istio.io", "RequestAuthentication")] = (ConfigKind.RequestAuthentication, RequestAuthentication.Descriptor),
        [("security.istio.io", "AuthorizationPolicy")] = (ConfigKind.AuthorizationPolicy, AuthorizationPolicy.Descriptor),
        [("extensions.istio.io", "WasmPlugin")] = (ConfigKind.WasmPlugin, WasmPlugin.Descriptor),
    };

    private static readonly Dictionary<(string Group, string Kind), ConfigKind> s_kubernetes = new()
    {
        [("", "Namespace")] = ConfigKind.Namespace,
        [("", "Service")] = ConfigKind.Service,
        [("", "Pod")] = ConfigKind.Pod,
        [("", "Endpoints")] = ConfigKind.Endpoints,
        [("discovery.k8s.io", "EndpointSlice")] = ConfigKind.EndpointSlice,
        [("", "ConfigMap")] = ConfigKind.ConfigMap,
        [("", "Secret")] = ConfigKind.Secret,
        [("", "ServiceAccount")] = ConfigKind.ServiceAccount,
        [("", "Node")] = ConfigKind.Node,
    };

    /// <summary>The kind and, for Istio's own, the message of its spec; Other for what is none of ours.</summary>
    public static ConfigKind Find(string apiVersion, string kind, out MessageDescriptor? spec)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : apiVersion[..slash];
        if (s_istio.TryGetValue((group, kind), out var istio))
        {
            spec = istio.Spec;
            return istio.Kind;
        }

        spec = null;
        return s_kubernetes.GetValueOrDefault((group, kind), ConfigKind.Other);
    }

    public static bool IsClusterScoped(ConfigKind kind) => kind is ConfigKind.Namespace or ConfigKind.Node;
}
