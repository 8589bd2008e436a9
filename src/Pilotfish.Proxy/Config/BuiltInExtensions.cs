using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Filters.Alpn;
using Pilotfish.Proxy.Filters.Compressor;
using Pilotfish.Proxy.Filters.ConnectionLimit;
using Pilotfish.Proxy.Filters.ConnectionRates;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.DirectResponse;
using Pilotfish.Proxy.Filters.Echo;
using Pilotfish.Proxy.Filters.Fault;
using Pilotfish.Proxy.Filters.GlobalRateLimits;
using Pilotfish.Proxy.Filters.GrpcStats;
using Pilotfish.Proxy.Filters.HealthChecks;
using Pilotfish.Proxy.Filters.GrpcWeb;
using Pilotfish.Proxy.Filters.IstioStats;
using Pilotfish.Proxy.Filters.LocalRateLimits;
using Pilotfish.Proxy.Filters.OnDemand;
using Pilotfish.Proxy.Filters.PeerMetadata;
using Pilotfish.Proxy.Filters.RequestBuffer;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Filters.SniCluster;
using Pilotfish.Proxy.Filters.UpstreamHeaders;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Tcp;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Config;

/// <summary>Every extension that comes with Pilotfish, by category.</summary>
internal static class BuiltInExtensions
{
    public static void AddTo(ExtensionRegistry registry)
    {
        registry.Register<IAccessLoggerFactory>(new FileAccessLoggerFactory());
        registry.Register<IAccessLoggerFactory>(new GrpcAccessLoggerFactory());
        registry.Register<IAccessLoggerFactory>(new OpenTelemetryAccessLoggerFactory());
        AddListenerFilters(registry);
        AddNetworkFilters(registry);
        AddHttpFilters(registry);
        registry.Register<IUpstreamHttpFilterFactory>(new UpstreamHeaderMutationFactory());
        RawBufferFactory rawBuffer = new();
        registry.Register<IDownstreamTransportFactory>(rawBuffer);
        registry.Register<IUpstreamTransportFactory>(rawBuffer);
        registry.Register<IDownstreamTransportFactory>(new TlsDownstreamFactory());
        registry.Register<IUpstreamTransportFactory>(new TlsUpstreamFactory());
        registry.Register<IUpstreamTransportFactory>(new ProxyProtocolTransportFactory());
    }

    private static void AddListenerFilters(ExtensionRegistry registry)
    {
        registry.Register<IListenerFilterFactory>(new OriginalDestinationFactory());
        registry.Register<IListenerFilterFactory>(new HttpInspectorFactory());
        registry.Register<IListenerFilterFactory>(new TlsInspectorFactory());
        registry.Register<IListenerFilterFactory>(new ProxyProtocolFactory());
        registry.Register<IListenerFilterFactory>(new OriginalSourceFactory());
        registry.Register<IListenerFilterFactory>(new ListenerRateFactory());
    }

    private static void AddNetworkFilters(ExtensionRegistry registry)
    {
        registry.Register<ITerminalNetworkFilterFactory>(new HcmFactory());
        registry.Register<ITerminalNetworkFilterFactory>(new TcpProxyFactory());
        registry.Register<INetworkFilterFactory>(new MetadataExchangeFactory());
        registry.Register<INetworkFilterFactory>(new NetworkStatsFactory());
        registry.Register<INetworkFilterFactory>(new MongoProxyFactory());
        registry.Register<INetworkFilterFactory>(new SniClusterFactory());
        registry.Register<INetworkFilterFactory>(new ConnectionLimitFactory());
        registry.Register<INetworkFilterFactory>(new NetworkRateFactory());
        registry.Register<ITerminalNetworkFilterFactory>(new EchoFactory());
        registry.Register<ITerminalNetworkFilterFactory>(new DirectResponseFactory());
    }

    private static void AddHttpFilters(ExtensionRegistry registry)
    {
        FaultFilterFactory fault = new();
        CorsFilterFactory cors = new();
        BufferFilterFactory buffer = new();
        CompressorFilterFactory compressor = new();
        LocalRateLimitFilterFactory localRateLimit = new();
        GlobalRateLimitFilterFactory globalRateLimit = new();
        OnDemandFilterFactory onDemand = new();
        registry.Register<IHttpFilterFactory>(new RouterFactory());
        registry.Register<IHttpFilterFactory>(fault);
        registry.Register<IHttpFilterRouteConfigFactory>(fault);
        registry.Register<IHttpFilterFactory>(cors);
        registry.Register<IHttpFilterRouteConfigFactory>(cors);
        registry.Register<IHttpFilterFactory>(buffer);
        registry.Register<IHttpFilterRouteConfigFactory>(buffer);
        registry.Register<IHttpFilterFactory>(new HealthCheckFilterFactory());
        registry.Register<IHttpFilterFactory>(localRateLimit);
        registry.Register<IHttpFilterRouteConfigFactory>(localRateLimit);
        registry.Register<IHttpFilterFactory>(globalRateLimit);
        registry.Register<IHttpFilterRouteConfigFactory>(globalRateLimit);
        registry.Register<IHttpFilterFactory>(compressor);
        registry.Register<IHttpFilterRouteConfigFactory>(compressor);
        registry.Register<IHttpFilterFactory>(new GrpcStatsFilterFactory());
        registry.Register<IHttpFilterFactory>(new GrpcWebFilterFactory());
        registry.Register<IHttpFilterFactory>(new AlpnFilterFactory());
        registry.Register<IHttpFilterFactory>(onDemand);
        registry.Register<IHttpFilterRouteConfigFactory>(onDemand);
        registry.Register<IHttpFilterFactory>(new PeerMetadataFilterFactory());
        registry.Register<IHttpFilterFactory>(new IstioStatsFilterFactory());
    }
}
