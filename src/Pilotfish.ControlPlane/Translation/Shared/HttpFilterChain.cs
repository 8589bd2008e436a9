using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.GrpcStats.V3;
using Envoy.Extensions.Filters.Http.GrpcWeb.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Envoy.Config.Filter.Http.Alpn.V2Alpha1;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using AlpnConfig = Istio.Envoy.Config.Filter.Http.Alpn.V2Alpha1.FilterConfig;
using GrpcStatsConfig = Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>
/// The HTTP filters of a sidecar in the order in which they run: metadata exchange, (policy), grpc_web, grpc_stats, alpn,
/// fault, cors, stats, router.
/// </summary>
internal static class HttpFilterChain
{
    private static readonly Any s_grpcWeb = Messages.Pack(new GrpcWeb());
    private static readonly Any s_fault = Messages.Pack(new HTTPFault());
    private static readonly Any s_cors = Messages.Pack(new Cors());
    private static readonly Any s_router = Messages.Pack(new Router());
    private static readonly Any s_quietRouter = Messages.Pack(new Router { SuppressEnvoyHeaders = true });

    private static readonly Any s_grpcStats =
        Messages.Pack(new GrpcStatsConfig { EmitFilterState = true, StatsForAllMethods = false });

    private static readonly Any s_alpn = Messages.Pack(new AlpnConfig
    {
        AlpnOverride =
        {
            Override(AlpnConfig.Types.Protocol.Http10, "istio-http/1.0", "http/1.0"),
            Override(AlpnConfig.Types.Protocol.Http11, "istio-http/1.1", "http/1.1"),
            Override(AlpnConfig.Types.Protocol.Http2, "istio-h2", "h2"),
        },
    });

    public static IEnumerable<HttpFilter> Build(PushContext push, ProxyHeaders headers, TrafficClass traffic, PortProtocol protocol)
    {
        yield return MetadataExchange.OnHttp(traffic, headers.SkipMetadataExchangeOutsideMesh);
        if (protocol == PortProtocol.GrpcWeb)
        {
            yield return Filter(ExtensionNames.GrpcWeb, s_grpcWeb);
        }

        yield return Filter(ExtensionNames.GrpcStats, s_grpcStats);
        if (traffic == TrafficClass.Outbound)
        {
            yield return Filter(ExtensionNames.Alpn, s_alpn);
        }

        yield return Filter(ExtensionNames.Fault, s_fault);
        yield return Filter(ExtensionNames.Cors, s_cors);
        if (StatsFilters.Config(push, traffic) is { } stats)
        {
            yield return Filter(ExtensionNames.Stats, stats);
        }

        yield return Filter(ExtensionNames.Router, headers.SuppressDebugHeaders ? s_quietRouter : s_router);
    }

    private static HttpFilter Filter(string name, Any config) => new() { Name = name, TypedConfig = config };

    private static AlpnConfig.Types.AlpnOverride Override(AlpnConfig.Types.Protocol protocol, string own, string standard) =>
        new() { UpstreamProtocol = protocol, AlpnOverride_ = { own, "istio", standard } };
}
