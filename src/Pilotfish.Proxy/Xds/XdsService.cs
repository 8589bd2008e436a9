using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Xds;

/// <summary>The discovery services that are called, each with its method for either dialect.</summary>
internal sealed class XdsService
{
    private readonly GrpcMethod _delta;
    private readonly GrpcMethod _stateOfTheWorld;

    private XdsService(string service, string delta, string stateOfTheWorld)
    {
        _delta = new GrpcMethod(service, delta);
        _stateOfTheWorld = new GrpcMethod(service, stateOfTheWorld);
    }

    public static XdsService Aggregated { get; } = new(
        "envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources", "StreamAggregatedResources");

    public static XdsService Secrets { get; } = new("envoy.service.secret.v3.SecretDiscoveryService", "DeltaSecrets", "StreamSecrets");

    private static XdsService Routes { get; } = new("envoy.service.route.v3.RouteDiscoveryService", "DeltaRoutes", "StreamRoutes");

    private static XdsService Scopes { get; } = new(
        "envoy.service.route.v3.ScopedRoutesDiscoveryService", "DeltaScopedRoutes", "StreamScopedRoutes");

    // Incremental alone: the method of the other dialect does not exist, and nothing that would call it is accepted.
    private static XdsService VirtualHosts { get; } = new("envoy.service.route.v3.VirtualHostDiscoveryService", "DeltaVirtualHosts", "");

    private static XdsService Clusters { get; } = new("envoy.service.cluster.v3.ClusterDiscoveryService", "DeltaClusters", "StreamClusters");

    private static XdsService Endpoints { get; } = new(
        "envoy.service.endpoint.v3.EndpointDiscoveryService", "DeltaEndpoints", "StreamEndpoints");

    private static XdsService Extensions { get; } = new(
        "envoy.service.extension.v3.ExtensionConfigDiscoveryService", "DeltaExtensionConfigs", "StreamExtensionConfigs");

    private static XdsService Runtimes { get; } = new("envoy.service.runtime.v3.RuntimeDiscoveryService", "DeltaRuntime", "StreamRuntime");

    /// <summary>The service of one type alone, for a config source that names a cluster; null for types that come over ADS only.</summary>
    public static XdsService? Of(ResourceType type)
    {
        if (type == ResourceType.Secret)
        {
            return Secrets;
        }

        return type == ResourceType.Route ? Routes
            : type == ResourceType.ScopedRoute ? Scopes
            : type == ResourceType.VirtualHost ? VirtualHosts
            : type == ResourceType.Cluster ? Clusters
            : type == ResourceType.Endpoints ? Endpoints
            : type == ResourceType.Extension ? Extensions
            : type == ResourceType.Runtime ? Runtimes
            : null;
    }

    public GrpcMethod Method(bool isDelta) => isDelta ? _delta : _stateOfTheWorld;
}
