using Envoy.Config.Accesslog.V3;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using AdminMessage = Envoy.Config.Bootstrap.V3.Admin;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using TcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Every field of the main messages that has no effect here, so that none is ignored in silence: a message that sets one is refused or
/// gives a warning. A test holds this table complete and docs/compatibility.md equal to it. Immutable; main loop.
/// </summary>
public static partial class UnheededFields
{
    private const bool Refused = true;
    private const bool Warned = false;
    private const string NoProviders = "certificate providers do not exist in Pilotfish";
    private const string OwnMemory = "the compressor sees to its memory itself";
    private const string NotTuned = "Brotli is tuned by quality and window_bits alone";
    private const string NoRetryPlugins = "retry policies of extensions do not exist in Pilotfish";

    public static readonly UnheededField<HttpConnectionManager>[] OfConnectionManager =
    [
        new("tracing", static m => m.Tracing?.Provider is not null, Warned, "requests are not traced"),
        new("http3_protocol_options", static m => m.Http3ProtocolOptions is not null, Warned, "HTTP/3 is not available in Pilotfish"),
    ];

    public static readonly UnheededField<Http1ProtocolOptions>[] OfHttp1 =
    [
        new("override_stream_error_on_invalid_http_message", static m => m.OverrideStreamErrorOnInvalidHttpMessage == true, Warned,
            "a connection ends with a message that is not valid HTTP/1"),
        new("use_balsa_parser", static m => m.UseBalsaParser is not null, Warned, "there is one parser"),
    ];

    public static readonly UnheededField<Http2ProtocolOptions>[] OfHttp2 =
    [
        new("use_oghttp2_codec", static m => m.UseOghttp2Codec is not null, Warned, "there is one codec"),
    ];

    public static readonly UnheededField<HttpProtocolOptions>[] OfHttp = [];

    public static readonly UnheededField<UpstreamHttp>[] OfUpstreamHttp =
    [
        new("header_validation_config", static m => m.HeaderValidationConfig is not null, Refused, "header validators do not exist in Pilotfish"),
        new("outlier_detection", static m => m.OutlierDetection is not null, Warned, "outlier detection counts status codes"),
    ];

    public static readonly UnheededField<RouteConfiguration>[] OfRouteConfiguration = [];

    public static readonly UnheededField<VirtualHost>[] OfVirtualHost =
    [
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
    ];

    public static readonly UnheededField<WeightedCluster>[] OfWeightedCluster =
    [
        new("total_weight", static m => m.TotalWeight is { } total && total != Sum(m), Warned, "the sum of the weights counts, as in Envoy"),
    ];

    public static readonly UnheededField<HedgePolicy>[] OfHedgePolicy =
    [
        new("additional_request_chance", static m => m.AdditionalRequestChance is not null, Warned, "it does nothing in Envoy either"),
    ];

    public static readonly UnheededField<DirectResponseAction>[] OfDirectResponse = [];

    public static readonly UnheededField<Decorator>[] OfDecorator =
    [
        new("propagate", static m => m.Propagate is not null, Warned, "requests are not traced"),
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
        new("lrs_server", static m => m.LrsServer is not null, Warned, "load reports are not sent"),
        new("lrs_report_endpoint_metrics", static m => m.LrsReportEndpointMetrics.Count > 0, Warned, "load reports are not sent"),
    ];

    public static readonly UnheededField<ClusterLoadAssignment>[] OfAssignment =
    [
        new("named_endpoints", static m => m.NamedEndpoints.Count > 0, Warned, "no endpoint is taken from there, as in Envoy"),
    ];

    public static readonly UnheededField<ClusterLoadAssignment.Types.Policy.Types.DropOverload>[] OfDropOverload =
    [
        new("category", static _ => false, Warned, "load reports, which would tell of it, are not sent"),
    ];

    public static readonly UnheededField<LocalityLbEndpoints>[] OfLocalityEndpoints =
    [
        new("leds_cluster_locality_config", static m => m.LedsClusterLocalityConfig is not null, Refused, "endpoints of a locality cannot be subscribed to"),
        new("proximity", static m => m.Proximity is not null, Warned, "no balancer reads it, in Envoy neither"),
    ];

    public static readonly UnheededField<LbEndpoint>[] OfLbEndpoint =
    [
        new("endpoint_name", static m => m.HasEndpointName, Refused, "endpoints without an address do not exist, in Envoy neither"),
    ];

    public static readonly UnheededField<Cluster.Types.CommonLbConfig>[] OfCommonLb =
    [
        new("update_merge_window", static m => m.UpdateMergeWindow is not null, Warned, "each update of endpoints applies at once"),
        new("override_host_status", static m => m.OverrideHostStatus is not null, Warned, "no filter chooses a host in place of the balancer"),
    ];

    public static readonly UnheededField<Cluster.Types.LbSubsetConfig>[] OfSubsets = [];

    public static readonly UnheededField<Cluster.Types.LbSubsetConfig.Types.LbSubsetSelector>[] OfSubsetSelector = [];

    public static readonly UnheededField<UpstreamConnectionOptions>[] OfUpstreamConnection =
    [
        new("set_local_interface_name_on_upstream_connections", static m => m.SetLocalInterfaceNameOnUpstreamConnections, Warned,
            "names of interfaces are not recorded"),
    ];

    public static readonly UnheededField<BindConfig>[] OfBind =
    [
        new("socket_options", static m => m.SocketOptions.Count > 0, Warned, "sockets to upstreams take no options"),
        new("local_address_selector", static m => m.LocalAddressSelector is not null, Refused, "selectors of source addresses do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<OutlierDetection>[] OfOutlier =
    [
        new("monitors", static m => m.Monitors.Count > 0, Warned, "monitors of extensions do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<HealthCheck>[] OfHealthCheck =
    [
        new("always_log_health_check_failures", static m => m.AlwaysLogHealthCheckFailures, Warned, "health check events are not logged"),
        new("always_log_health_check_success", static m => m.AlwaysLogHealthCheckSuccess, Warned, "health check events are not logged"),
    ];

    public static readonly UnheededField<Listener>[] OfListener =
    [
        new("reuse_port", static m => m.ReusePort, Warned, "it was replaced; enable_reuse_port counts"),
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

    public static readonly UnheededField<Router>[] OfRouter =
    [
        new("start_child_span", static m => m.StartChildSpan, Warned, "requests are not traced"),
    ];

    public static readonly UnheededField<HTTPFault>[] OfFault =
    [
        new("disable_downstream_cluster_stats", static m => m.DisableDownstreamClusterStats, Warned, "there are no statistics by downstream cluster"),
        new("filter_metadata", static m => m.FilterMetadata is not null, Warned, "faults leave no metadata"),
    ];

    public static readonly UnheededField<LocalRateLimit>[] OfLocalRateLimit =
    [
        new("local_cluster_rate_limit", static m => m.LocalClusterRateLimit is not null, Refused, "shares among the members of a local cluster do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<RateLimit>[] OfRateLimit =
    [
        new("limit", static m => m.Limit is not null, Warned, "limits are not overridden for single requests"),
    ];

    public static readonly UnheededField<Gzip>[] OfGzip =
    [
        new("memory_level", static m => m.MemoryLevel is not null, Warned, OwnMemory),
        new("window_bits", static m => m.WindowBits is not null, Warned, "the window is always of 15 bits"),
        new("chunk_size", static m => m.ChunkSize is not null, Warned, OwnMemory),
    ];

    public static readonly UnheededField<Brotli>[] OfBrotli =
    [
        new("encoder_mode", static m => m.EncoderMode != Brotli.Types.EncoderMode.Default, Warned, NotTuned),
        new("input_block_bits", static m => m.InputBlockBits is not null, Warned, NotTuned),
        new("chunk_size", static m => m.ChunkSize is not null, Warned, OwnMemory),
        new("disable_literal_context_modeling", static m => m.DisableLiteralContextModeling, Warned, NotTuned),
    ];

    public static readonly UnheededField<Bootstrap>[] OfBootstrap =
    [
        new("node_context_params", static m => m.NodeContextParams.Count > 0, Warned, "xdstp names are not available in Pilotfish"),
        new("flags_path", static m => m.FlagsPath.Length > 0, Warned, "flags come from the command line"),
        new("deferred_stat_options", static m => m.DeferredStatOptions?.EnableDeferredCreationStats == false, Warned, "statistics are always made when they are first used"),
        new("stats_flush_interval", static m => m.StatsFlushInterval is not null && m.StatsSinks.Count > 0, Warned, "statistics are not sent anywhere"),
        new("stats_flush_on_admin", static m => m.StatsFlushOnAdmin && m.StatsSinks.Count > 0, Warned, "statistics are not sent anywhere"),
        new("stats_eviction_interval", static m => m.StatsEvictionInterval is not null, Warned, "statistics go with what they describe"),
        new("watchdog", static m => m.Watchdog is not null, Warned, "there is no watchdog"),
        new("watchdogs", static m => m.Watchdogs is not null, Warned, "there is no watchdog"),
        new("enable_dispatcher_stats", static m => m.EnableDispatcherStats, Warned, "loops keep no statistics"),
        new("header_prefix", static m => m.HeaderPrefix.Length > 0 && m.HeaderPrefix != "x-envoy", Refused, "headers begin with x-envoy; another prefix would let clients set them"),
        new("stats_server_version_override", static m => m.StatsServerVersionOverride is not null, Warned, "server.version is this program's"),
        new("use_tcp_for_dns_lookups", static m => m.UseTcpForDnsLookups, Warned, "TCP is used for long answers"),
        new("dns_resolution_config", static m => m.DnsResolutionConfig is not null, Warned, "it was replaced; use typed_dns_resolver_config"),
        new("fatal_actions", static m => m.FatalActions.Count > 0, Warned, "nothing runs when the process fails"),
        new("config_sources", static m => m.ConfigSources.Count > 0, Refused, "xdstp names are not available in Pilotfish"),
        new("default_config_source", static m => m.DefaultConfigSource is not null, Refused, "xdstp names are not available in Pilotfish"),
        new("default_socket_interface", static m => m.DefaultSocketInterface.Length > 0, Warned, "there is one kind of sockets"),
        new("certificate_provider_instances", static m => m.CertificateProviderInstances.Count > 0, Refused, NoProviders),
        new("inline_headers", static m => m.InlineHeaders.Count > 0, Warned, "headers need no registration"),
        new("perf_tracing_file_path", static m => m.PerfTracingFilePath.Length > 0, Warned, "there is no such trace"),
        new("default_regex_engine", static m => m.DefaultRegexEngine is { } engine && !engine.TypedConfig.TypeUrl.EndsWith(".GoogleRE2", StringComparison.Ordinal), Refused,
            "expressions are RE2's"),
        new("xds_delegate_extension", static m => m.XdsDelegateExtension is not null, Warned, "the extension does not exist in Pilotfish"),
        new("xds_config_tracker_extension", static m => m.XdsConfigTrackerExtension is not null, Warned, "the extension does not exist in Pilotfish"),
        new("listener_manager", static m => m.ListenerManager is { } manager
            && !manager.TypedConfig.TypeUrl.EndsWith(".ListenerManager", StringComparison.Ordinal), Refused, "there is one kind of listeners"),
        new("application_log_config", static m => m.ApplicationLogConfig?.LogFormat?.JsonFormat is not null, Warned, "the program's own options decide how it logs"),
        new("grpc_async_client_manager_config", static m => m.GrpcAsyncClientManagerConfig is not null, Warned, "clients of gRPC services live as long as their users"),
        new("memory_allocator_manager", static m => m.MemoryAllocatorManager is not null, Warned, "memory is given back after pushes and by shrink_heap"),
    ];

    // Every sidecar's bootstrap says /dev/null and names a profile that nobody asks for: what never had an effect is not warned of.
    public static readonly UnheededField<AdminMessage>[] OfAdmin =
    [
        new("access_log", LogsSomewhere, Warned, "requests to admin are not logged"),
        new("access_log_path", static m => m.AccessLogPath is not ("" or "/dev/null"), Warned, "requests to admin are not logged"),
        new("profile_path", static _ => false, Warned, "there is no profiler"),
        new("socket_options", static m => m.SocketOptions.Count > 0, Warned, "the socket takes no options"),
        new("ignore_global_conn_limit", static _ => false, Warned, "connections to admin never count"),
    ];

    public static readonly UnheededField<ClusterManager>[] OfClusterManager =
    [
        new("outlier_detection", static m => m.OutlierDetection is not null, Warned, "ejections are not logged"),
        new("upstream_bind_config", static m => m.UpstreamBindConfig is not null, Refused, "source addresses are set by each cluster's upstream_bind_config"),
        new("enable_deferred_cluster_creation", static _ => false, Warned, "clusters are always made when they are first used"),
    ];

    public static readonly UnheededField<Bootstrap.Types.DynamicResources>[] OfDynamicResources =
    [
        new("lds_resources_locator", static m => m.LdsResourcesLocator.Length > 0, Refused, "xdstp names are not available in Pilotfish"),
        new("cds_resources_locator", static m => m.CdsResourcesLocator.Length > 0, Refused, "xdstp names are not available in Pilotfish"),
    ];

    private static bool LogsSomewhere(AdminMessage admin)
    {
        foreach (AccessLog log in admin.AccessLog)
        {
            // By name: unpacking would build descriptors, which every sidecar would pay for.
            if (log.TypedConfig?.TypeUrl.EndsWith("/envoy.extensions.access_loggers.file.v3.FileAccessLog", StringComparison.Ordinal) != true
                || FileAccessLog.Parser.ParseFrom(log.TypedConfig.Value).Path != "/dev/null")
            {
                return true;
            }
        }

        return false;
    }

    private static long Sum(WeightedCluster clusters)
    {
        long sum = 0;
        foreach (WeightedCluster.Types.ClusterWeight cluster in clusters.Clusters)
        {
            sum += cluster.Weight ?? 0;
        }

        return sum;
    }

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
