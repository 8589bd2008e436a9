using System.Globalization;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Compressor.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.Reflection;
using Pilotfish.Proxy.Config;
using CompressorMessage = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using TcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>The messages that are held field by field, in the order of the page, each with its rows of <see cref="UnheededFields"/>.</summary>
internal static class UnheededTables
{
    public static readonly (MessageDescriptor Message, List<(string Name, bool IsRefused, string Reason)> Rows)[] All =
    [
        (HttpConnectionManager.Descriptor, Rows(UnheededFields.OfConnectionManager)),
        (Http1ProtocolOptions.Descriptor, Rows(UnheededFields.OfHttp1)),
        (Http2ProtocolOptions.Descriptor, Rows(UnheededFields.OfHttp2)),
        (HttpProtocolOptions.Descriptor, Rows(UnheededFields.OfHttp)),
        (UpstreamHttp.Descriptor, Rows(UnheededFields.OfUpstreamHttp)),
        (UpstreamHttpProtocolOptions.Descriptor, []),
        (RouteConfiguration.Descriptor, Rows(UnheededFields.OfRouteConfiguration)),
        (VirtualHost.Descriptor, Rows(UnheededFields.OfVirtualHost)),
        (VirtualCluster.Descriptor, []),
        (Route.Descriptor, Rows(UnheededFields.OfRoute)),
        (RouteMatch.Descriptor, []),
        (RouteAction.Descriptor, Rows(UnheededFields.OfRouteAction)),
        (RouteAction.Types.UpgradeConfig.Descriptor, []),
        (RouteAction.Types.HashPolicy.Descriptor, []),
        (RouteAction.Types.HashPolicy.Types.Header.Descriptor, []),
        (RouteAction.Types.HashPolicy.Types.Cookie.Descriptor, []),
        (RouteAction.Types.HashPolicy.Types.ConnectionProperties.Descriptor, []),
        (RouteAction.Types.HashPolicy.Types.QueryParameter.Descriptor, []),
        (RouteAction.Types.HashPolicy.Types.FilterState.Descriptor, []),
        (RouteAction.Types.MaxStreamDuration.Descriptor, []),
        (RouteAction.Types.RequestMirrorPolicy.Descriptor, Rows(UnheededFields.OfMirrorPolicy)),
        (WeightedCluster.Descriptor, Rows(UnheededFields.OfWeightedCluster)),
        (WeightedCluster.Types.ClusterWeight.Descriptor, Rows(UnheededFields.OfClusterWeight)),
        (RetryPolicy.Descriptor, Rows(UnheededFields.OfRetryPolicy)),
        (RetryPolicy.Types.RetryBackOff.Descriptor, []),
        (RetryPolicy.Types.RateLimitedRetryBackOff.Descriptor, []),
        (RetryPolicy.Types.ResetHeader.Descriptor, []),
        (RetryPolicy.Types.RetryHostPredicate.Descriptor, []),
        (RetryPolicy.Types.RetryPriority.Descriptor, []),
        (InternalRedirectPolicy.Descriptor, []),
        (HedgePolicy.Descriptor, Rows(UnheededFields.OfHedgePolicy)),
        (RedirectAction.Descriptor, []),
        (DirectResponseAction.Descriptor, Rows(UnheededFields.OfDirectResponse)),
        (Decorator.Descriptor, Rows(UnheededFields.OfDecorator)),
        (ScopedRoutes.Descriptor, []),
        (ScopedRoutes.Types.ScopeKeyBuilder.Types.FragmentBuilder.Types.HeaderValueExtractor.Descriptor, []),
        (ScopedRouteConfiguration.Descriptor, []),
        (Cluster.Descriptor, Rows(UnheededFields.OfCluster)),
        (ClusterLoadAssignment.Descriptor, Rows(UnheededFields.OfAssignment)),
        (ClusterLoadAssignment.Types.Policy.Descriptor, []),
        (ClusterLoadAssignment.Types.Policy.Types.DropOverload.Descriptor, Rows(UnheededFields.OfDropOverload)),
        (LocalityLbEndpoints.Descriptor, Rows(UnheededFields.OfLocalityEndpoints)),
        (LbEndpoint.Descriptor, Rows(UnheededFields.OfLbEndpoint)),
        (Endpoint.Descriptor, []),
        (Endpoint.Types.HealthCheckConfig.Descriptor, []),
        (Endpoint.Types.AdditionalAddress.Descriptor, []),
        (Cluster.Types.CommonLbConfig.Descriptor, Rows(UnheededFields.OfCommonLb)),
        (Cluster.Types.CommonLbConfig.Types.ZoneAwareLbConfig.Descriptor, []),
        (Cluster.Types.CommonLbConfig.Types.ConsistentHashingLbConfig.Descriptor, []),
        (Cluster.Types.LbSubsetConfig.Descriptor, Rows(UnheededFields.OfSubsets)),
        (Cluster.Types.LbSubsetConfig.Types.LbSubsetSelector.Descriptor, Rows(UnheededFields.OfSubsetSelector)),
        (Cluster.Types.SlowStartConfig.Descriptor, []),
        (Cluster.Types.RoundRobinLbConfig.Descriptor, []),
        (Cluster.Types.LeastRequestLbConfig.Descriptor, []),
        (Cluster.Types.RingHashLbConfig.Descriptor, []),
        (Cluster.Types.MaglevLbConfig.Descriptor, []),
        (Cluster.Types.OriginalDstLbConfig.Descriptor, []),
        (Cluster.Types.PreconnectPolicy.Descriptor, []),
        (Cluster.Types.RefreshRate.Descriptor, []),
        (Cluster.Types.EdsClusterConfig.Descriptor, []),
        (RoundRobin.Descriptor, []),
        (LeastRequest.Descriptor, []),
        (RingHash.Descriptor, []),
        (Maglev.Descriptor, []),
        (UpstreamConnectionOptions.Descriptor, Rows(UnheededFields.OfUpstreamConnection)),
        (UpstreamConnectionOptions.Types.HappyEyeballsConfig.Descriptor, []),
        (BindConfig.Descriptor, Rows(UnheededFields.OfBind)),
        (CircuitBreakers.Descriptor, []),
        (CircuitBreakers.Types.Thresholds.Descriptor, []),
        (CircuitBreakers.Types.Thresholds.Types.RetryBudget.Descriptor, []),
        (OutlierDetection.Descriptor, Rows(UnheededFields.OfOutlier)),
        (HealthCheck.Descriptor, Rows(UnheededFields.OfHealthCheck)),
        (HealthCheck.Types.HttpHealthCheck.Descriptor, []),
        (HealthCheck.Types.TcpHealthCheck.Descriptor, []),
        (HealthCheck.Types.GrpcHealthCheck.Descriptor, []),
        (HealthCheck.Types.TlsOptions.Descriptor, []),
        (TrackClusterStats.Descriptor, []),
        (Listener.Descriptor, Rows(UnheededFields.OfListener)),
        (FilterChain.Descriptor, Rows(UnheededFields.OfFilterChain)),
        (FilterChainMatch.Descriptor, []),
        (TcpProxy.Descriptor, Rows(UnheededFields.OfTcpProxy)),
        (DownstreamTlsContext.Descriptor, Rows(UnheededFields.OfDownstreamTls)),
        (UpstreamTlsContext.Descriptor, Rows(UnheededFields.OfUpstreamTls)),
        (CommonTlsContext.Descriptor, Rows(UnheededFields.OfCommonTls)),
        (TlsParameters.Descriptor, Rows(UnheededFields.OfTlsParameters)),
        (CertificateValidationContext.Descriptor, Rows(UnheededFields.OfValidation)),
        (Router.Descriptor, Rows(UnheededFields.OfRouter)),
        (HTTPFault.Descriptor, Rows(UnheededFields.OfFault)),
        (LocalRateLimit.Descriptor, Rows(UnheededFields.OfLocalRateLimit)),
        (RateLimit.Descriptor, Rows(UnheededFields.OfRateLimit)),
        (Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimit.Descriptor, []),
        (Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimitPerRoute.Descriptor, []),
        (Envoy.Config.Ratelimit.V3.RateLimitServiceConfig.Descriptor, []),
        (CompressorMessage.Descriptor, []),
        (CompressorMessage.Types.CommonDirectionConfig.Descriptor, []),
        (CompressorMessage.Types.RequestDirectionConfig.Descriptor, []),
        (CompressorMessage.Types.ResponseDirectionConfig.Descriptor, []),
        (CompressorPerRoute.Descriptor, []),
        (CompressorOverrides.Descriptor, []),
        (ResponseDirectionOverrides.Descriptor, []),
        (Gzip.Descriptor, Rows(UnheededFields.OfGzip)),
        (Brotli.Descriptor, Rows(UnheededFields.OfBrotli)),
        (FaultDelay.Descriptor, []),
        (FaultAbort.Descriptor, []),
        (FaultRateLimit.Descriptor, []),
        (Envoy.Extensions.Filters.Http.Cors.V3.CorsPolicy.Descriptor, []),
        (Bootstrap.Descriptor, Rows(UnheededFields.OfBootstrap)),
        (Bootstrap.Types.StaticResources.Descriptor, []),
        (Bootstrap.Types.DynamicResources.Descriptor, Rows(UnheededFields.OfDynamicResources)),
        (Envoy.Config.Bootstrap.V3.Admin.Descriptor, Rows(UnheededFields.OfAdmin)),
        (ClusterManager.Descriptor, Rows(UnheededFields.OfClusterManager)),
        (LayeredRuntime.Descriptor, []),
        (RuntimeLayer.Descriptor, []),
        (RuntimeLayer.Types.DiskLayer.Descriptor, []),
        (RuntimeLayer.Types.RtdsLayer.Descriptor, []),
        (Envoy.Config.Overload.V3.OverloadManager.Descriptor, []),
        (Envoy.Config.Overload.V3.OverloadAction.Descriptor, []),
        (Envoy.Config.Overload.V3.Trigger.Descriptor, []),
        (Envoy.Config.Overload.V3.ScaleTimersOverloadActionConfig.Types.ScaleTimer.Descriptor, []),
        (ConfigSource.Descriptor, Rows(UnheededFields.OfConfigSource)),
        (PathConfigSource.Descriptor, []),
        (ApiConfigSource.Descriptor, Rows(UnheededFields.OfApiConfigSource)),
        (GrpcService.Descriptor, Rows(UnheededFields.OfGrpcService)),
        (GrpcService.Types.EnvoyGrpc.Descriptor, Rows(UnheededFields.OfEnvoyGrpc)),
        (DataSource.Descriptor, Rows(UnheededFields.OfDataSource)),
        (TcpKeepalive.Descriptor, []),
        (SocketOption.Descriptor, Rows(UnheededFields.OfSocketOption)),
        (ExtraSourceAddress.Descriptor, Rows(UnheededFields.OfExtraSource)),
        (AdditionalAddress.Descriptor, []),
        (Listener.Types.ConnectionBalanceConfig.Descriptor, Rows(UnheededFields.OfBalance)),
        (TlsCertificate.Descriptor, Rows(UnheededFields.OfTlsCertificate)),
        (SdsSecretConfig.Descriptor, []),
        (Secret.Descriptor, []),
        (TlsSessionTicketKeys.Descriptor, []),
        (SubjectAltNameMatcher.Descriptor, []),
        (SPIFFECertValidatorConfig.Descriptor, []),
        (CommonTlsContext.Types.CombinedCertificateValidationContext.Descriptor, Rows(UnheededFields.OfCombinedValidation)),
        (Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector.Descriptor, []),
        (Envoy.Extensions.Filters.Listener.OriginalSrc.V3.OriginalSrc.Descriptor, []),
        (Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol.Descriptor, []),
        (ProxyProtocolConfig.Descriptor, []),
        (PerHostConfig.Descriptor, []),
        (Envoy.Extensions.TransportSockets.ProxyProtocol.V3.ProxyProtocolUpstreamTransport.Descriptor, Rows(UnheededFields.OfProxyTransport)),
        (UpstreamHttp.Types.ExplicitHttpConfig.Descriptor, Rows(UnheededFields.OfExplicitHttp)),
        (UpstreamHttp.Types.UseDownstreamHttpConfig.Descriptor, Rows(UnheededFields.OfDownstreamsHttp)),
        (UpstreamHttp.Types.AutoHttpConfig.Descriptor, Rows(UnheededFields.OfAutoHttp)),
        (Envoy.Extensions.Filters.Network.ConnectionLimit.V3.ConnectionLimit.Descriptor, []),
        (Envoy.Extensions.Filters.Network.LocalRatelimit.V3.LocalRateLimit.Descriptor, []),
        (Envoy.Extensions.Filters.Listener.LocalRatelimit.V3.LocalRateLimit.Descriptor, []),
        (Envoy.Extensions.Filters.Network.DirectResponse.V3.Config.Descriptor, []),
        (Envoy.Extensions.RequestId.Uuid.V3.UuidRequestIdConfig.Descriptor, Rows(UnheededFields.OfRequestId)),
    ];

    /// <summary>The rows as the page shows them.</summary>
    public static IEnumerable<string> PageRows() => All.SelectMany(static entry => entry.Rows.Select(row => string.Create(
        CultureInfo.InvariantCulture,
        $"| `{entry.Message.FullName["envoy.".Length..]}` | `{row.Name}` | {(row.IsRefused ? "refused" : "warning")} | {row.Reason} |")));

    private static List<(string Name, bool IsRefused, string Reason)> Rows<T>(UnheededField<T>[] fields) =>
        [.. fields.Select(static field => (field.Name, field.IsRefused, field.Reason))];
}
