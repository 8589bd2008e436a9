using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using ClusterFilter = Envoy.Config.Cluster.V3.Filter;
using NetworkFilter = Envoy.Config.Listener.V3.Filter;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>The metadata exchange filters, by which two sidecars learn each other's workload.</summary>
internal static class MetadataExchange
{
    private const string HttpTypeUrl = Messages.TypePrefix + "io.istio.http.peer_metadata.Config";
    private const string TcpTypeUrl = Messages.TypePrefix + "envoy.tcp.metadataexchange.config.MetadataExchange";
    private const string TcpAlpn = "istio-peer-exchange";

    private static readonly Any s_tcp = Messages.TypedStruct(TcpTypeUrl, Messages.Struct(
        ("enable_discovery", Value.ForBool(true)),
        ("protocol", Value.ForString(TcpAlpn))));

    private static readonly Any s_inbound = Messages.TypedStruct(HttpTypeUrl, Messages.Struct(
        ("downstream_discovery", Discovery()),
        ("downstream_propagation", Messages.List(Messages.Object(("istio_headers", Messages.Object()))))));

    private static readonly Any s_outbound = Messages.TypedStruct(HttpTypeUrl, Messages.Struct(
        ("upstream_discovery", Discovery()),
        ("upstream_propagation", Messages.List(Messages.Object(("istio_headers", Messages.Object()))))));

    private static readonly Any s_outboundInMesh = Messages.TypedStruct(HttpTypeUrl, Messages.Struct(
        ("upstream_discovery", Discovery()),
        ("upstream_propagation", Messages.List(Messages.Object(
            ("istio_headers", Messages.Object(("skip_external_clusters", Value.ForBool(true)))))))));

    public static NetworkFilter OnListener() => new() { Name = ExtensionNames.MetadataExchange, TypedConfig = s_tcp };

    public static ClusterFilter OnCluster() => new() { Name = ExtensionNames.MetadataExchange, TypedConfig = s_tcp };

    public static HttpFilter OnHttp(TrafficClass traffic, bool inMeshOnly) => new()
    {
        Name = ExtensionNames.MetadataExchange,
        TypedConfig = traffic == TrafficClass.Inbound ? s_inbound : inMeshOnly ? s_outboundInMesh : s_outbound,
    };

    private static Value Discovery() => Messages.List(
        Messages.Object(("istio_headers", Messages.Object())),
        Messages.Object(("workload_discovery", Messages.Object())));
}
