namespace Pilotfish.Api.Names;

/// <summary>Type URLs of the resources that go over xDS.</summary>
public static class TypeUrls
{
    public const string Prefix = "type.googleapis.com/";

    public const string Listener = Prefix + "envoy.config.listener.v3.Listener";
    public const string Cluster = Prefix + "envoy.config.cluster.v3.Cluster";
    public const string ClusterLoadAssignment = Prefix + "envoy.config.endpoint.v3.ClusterLoadAssignment";
    public const string RouteConfiguration = Prefix + "envoy.config.route.v3.RouteConfiguration";
    public const string VirtualHost = Prefix + "envoy.config.route.v3.VirtualHost";
    public const string Secret = Prefix + "envoy.extensions.transport_sockets.tls.v3.Secret";
    public const string ExtensionConfiguration = Prefix + "envoy.config.core.v3.TypedExtensionConfig";
    public const string Runtime = Prefix + "envoy.service.runtime.v3.Runtime";
    public const string NameTable = Prefix + "istio.networking.nds.v1.NameTable";
    public const string ProxyConfig = Prefix + "istio.mesh.v1alpha1.ProxyConfig";
    public const string HealthInformation = Prefix + "istio.v1.HealthInformation";
    public const string TypedStruct = Prefix + "xds.type.v3.TypedStruct";
    public const string LegacyTypedStruct = Prefix + "udpa.type.v1.TypedStruct";
}
