using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using TrackClusterStats = Envoy.Config.Cluster.V3.TrackClusterStats;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using TcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Every field of the main messages that has no effect here, so that none is ignored in silence: a message that sets one is refused or
/// gives a warning. A test holds this table complete and docs/compatibility.md equal to it. Immutable; main loop.
/// </summary>
public static class UnheededFields
{
    private const bool Refused = true;
    private const bool Warned = false;
    private const string NoRateLimits = "there is no rate limit filter that would read it";
    private const string NoProviders = "certificate providers do not exist in Pilotfish";
    private const string OldCors = "the cors filter takes its policy from typed_per_filter_config alone";
    private const string NoRetryPlugins = "retry policies of extensions do not exist in Pilotfish";

    public static readonly UnheededField<HttpConnectionManager>[] OfConnectionManager =
    [
        new("tracing", static m => m.Tracing?.Provider is not null, Warned, "requests are not traced"),
        new("http3_protocol_options", static m => m.Http3ProtocolOptions is not null, Warned, "HTTP/3 is not available in Pilotfish"),
    ];

    public static readonly UnheededField<Http1ProtocolOptions>[] OfHttp1 =
    [
        new("use_balsa_parser", static m => m.UseBalsaParser is not null, Warned, "there is one parser"),
    ];

    public static readonly UnheededField<Http2ProtocolOptions>[] OfHttp2 =
    [
        new("use_oghttp2_codec", static m => m.UseOghttp2Codec is not null, Warned, "there is one codec"),
    ];

    public static readonly UnheededField<HttpProtocolOptions>[] OfHttp = [];

    public static readonly UnheededField<RouteConfiguration>[] OfRouteConfiguration = [];

    public static readonly UnheededField<VirtualHost>[] OfVirtualHost =
    [
        new("rate_limits", static m => m.RateLimits.Count > 0, Warned, NoRateLimits),
        new("cors", static m => m.Cors is not null, Warned, OldCors),
        new("retry_policy_typed_config", static m => m.RetryPolicyTypedConfig is not null, Refused, NoRetryPlugins),
    ];

    public static readonly UnheededField<Route>[] OfRoute =
    [
        new("tracing", static m => m.Tracing is not null, Warned, "requests are not traced"),
    ];

    public static readonly UnheededField<RouteAction>[] OfRouteAction =
    [
        new("early_data_policy", static m => m.EarlyDataPolicy is not null, Warned, "no request is sent as TLS early data"),
        new("retry_policy_typed_config", static m => m.RetryPolicyTypedConfig is not null, Refused, NoRetryPlugins),
        new("rate_limits", static m => m.RateLimits.Count > 0, Warned, NoRateLimits),
        new("include_vh_rate_limits", static m => m.IncludeVhRateLimits is not null, Warned, NoRateLimits),
        new("cors", static m => m.Cors is not null, Warned, OldCors),
        new("internal_redirect_action", static m => m.InternalRedirectAction != 0, Refused, "it was replaced; use internal_redirect_policy"),
    ];

    public static readonly UnheededField<RouteAction.Types.RequestMirrorPolicy>[] OfMirrorPolicy =
    [
        new("trace_sampled", static m => m.TraceSampled is not null, Warned, "requests are not traced"),
    ];

    public static readonly UnheededField<WeightedCluster.Types.ClusterWeight>[] OfClusterWeight = [];

    public static readonly UnheededField<RetryPolicy>[] OfRetryPolicy =
    [
        new("retry_options_predicates", static m => m.RetryOptionsPredicates.Count > 0, Refused, "predicates that change retried requests do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<Cluster>[] OfCluster =
    [
        new("transport_socket_matcher", static m => m.TransportSocketMatcher is not null, Refused,
            "a matcher tree of transport sockets is not available in Pilotfish; use transport_socket_matches"),
        new("lrs_server", static m => m.LrsServer is not null, Warned, "load reports are not sent"),
        new("lrs_report_endpoint_metrics", static m => m.LrsReportEndpointMetrics.Count > 0, Warned, "load reports are not sent"),
    ];

    public static readonly UnheededField<TrackClusterStats>[] OfTracking =
    [
        new("per_endpoint_stats", static m => m.PerEndpointStats, Warned, "/clusters alone tells of single endpoints"),
    ];

    public static readonly UnheededField<Listener>[] OfListener =
    [
        new("fcds_config", static m => m.FcdsConfig is not null, Refused, "filter chain discovery is not available in Pilotfish"),
    ];

    public static readonly UnheededField<FilterChain>[] OfFilterChain = [];

    public static readonly UnheededField<TcpProxy>[] OfTcpProxy =
    [
        new("downstream_idle_timeout", static m => m.DownstreamIdleTimeout is not null, Warned, "idle_timeout counts, as in Envoy"),
        new("upstream_idle_timeout", static m => m.UpstreamIdleTimeout is not null, Warned, "idle_timeout counts, as in Envoy"),
    ];

    public static readonly UnheededField<DownstreamTlsContext>[] OfDownstreamTls = [];

    public static readonly UnheededField<UpstreamTlsContext>[] OfUpstreamTls = [];

    public static readonly UnheededField<CommonTlsContext>[] OfCommonTls =
    [
        new("tls_certificate_certificate_provider", static m => m.TlsCertificateCertificateProvider is not null, Refused, NoProviders),
        new("tls_certificate_certificate_provider_instance", static m => m.TlsCertificateCertificateProviderInstance is not null, Refused, NoProviders),
        new("validation_context_certificate_provider", static m => m.ValidationContextCertificateProvider is not null, Refused, NoProviders),
        new("validation_context_certificate_provider_instance", static m => m.ValidationContextCertificateProviderInstance is not null, Refused, NoProviders),
    ];

    public static readonly UnheededField<TlsParameters>[] OfTlsParameters = [];

    public static readonly UnheededField<CertificateValidationContext>[] OfValidation = [];

    /// <summary>Throws for the first set field that is refused; warns of the others.</summary>
    internal static void Check<T>(UnheededField<T>[] fields, T? message, string path, string resource, ConfigProblems warnings)
        where T : class
    {
        if (message is null)
        {
            return;
        }

        foreach (UnheededField<T> field in fields)
        {
            field.Check(message, path, resource, warnings);
        }
    }
}
