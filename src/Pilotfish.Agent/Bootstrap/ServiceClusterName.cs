using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The node's cluster, which tracing shows as the service's name.</summary>
internal static class ServiceClusterName
{
    private const string Default = "istio-proxy";

    public static string Of(ProxyConfig config, NodeMetadata metadata)
    {
        string ns = metadata.Text("NAMESPACE");
        switch (config.ClusterNameCase)
        {
            case ProxyConfig.ClusterNameOneofCase.ServiceCluster:
                return OrDefault(config.ServiceCluster, metadata, ns);
            case ProxyConfig.ClusterNameOneofCase.TracingServiceName:
                string canonical = Canonical(metadata);
                return config.TracingServiceName switch
                {
                    ProxyConfig.Types.TracingServiceName.CanonicalNameOnly => OrDefault(canonical, metadata, ns),
                    ProxyConfig.Types.TracingServiceName.CanonicalNameAndNamespace when ns.Length > 0 => $"{canonical}.{ns}",
                    ProxyConfig.Types.TracingServiceName.CanonicalNameAndNamespace => OrDefault(canonical, metadata, ns),
                    _ => OrDefault(Default, metadata, ns),
                };
            default:
                return OrDefault(Default, metadata, ns);
        }
    }

    private static string OrDefault(string name, NodeMetadata metadata, string ns)
    {
        if (name.Length > 0 && name != Default)
        {
            return name;
        }

        if (App(metadata) is { } app)
        {
            return $"{app}.{ns}";
        }

        string workload = metadata.Text("WORKLOAD_NAME");
        if (workload.Length > 0)
        {
            return $"{workload}.{ns}";
        }

        return ns.Length > 0 ? $"{Default}.{ns}" : Default;
    }

    // Two orders, both Istio's: the older one puts the plain label first.
    private static string? App(NodeMetadata metadata) =>
        metadata.Labels.GetValueOrDefault(KubernetesNames.AppLabel)
        ?? metadata.Labels.GetValueOrDefault(KubernetesNames.AppNameLabel)
        ?? metadata.Labels.GetValueOrDefault(IstioLabels.ServiceCanonicalName);

    private static string Canonical(NodeMetadata metadata)
    {
        string workload = metadata.Text("WORKLOAD_NAME");
        return metadata.Labels.GetValueOrDefault(IstioLabels.ServiceCanonicalName)
            ?? metadata.Labels.GetValueOrDefault(KubernetesNames.AppNameLabel)
            ?? metadata.Labels.GetValueOrDefault(KubernetesNames.AppLabel)
            ?? (workload.Length > 0 ? workload : Default);
    }
}
