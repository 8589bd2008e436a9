namespace Pilotfish.Api.Messages.Shapes;

/// <summary>
/// The shapes that a sidecar reads as YAML, JSON or structs: its ProxyConfig, and the filter configs that istiod sends as TypedStruct.
/// A descriptor would build those of every file that its own imports, which is megabytes; this table is some kilobytes. A test
/// compares it with the descriptors and prints what it should be.
/// </summary>
public static class SidecarShapes
{
    private static readonly Lazy<ShapeTable> s_table = new(static () => ShapeTable.Parse(Text));

    public static MessageShape ProxyConfig => s_table.Value.Message("istio.mesh.v1alpha1.ProxyConfig");

    /// <summary>Null for a type that is not in the table.</summary>
    public static MessageShape? Find(string fullName) => s_table.Value.Find(fullName);

    /// <summary>Internal for testing.</summary>
    internal const string Text = """
        message google.protobuf.BoolValue
         1 value bool
        message google.protobuf.Duration
         1 seconds int64
         2 nanos int32
        message google.protobuf.Int32Value
         1 value int32
        message google.protobuf.Int64Value
         1 value int64
        message io.istio.http.peer_metadata.Config
         1 downstream_discovery repeated io.istio.http.peer_metadata.Config.DiscoveryMethod
         2 upstream_discovery repeated io.istio.http.peer_metadata.Config.DiscoveryMethod
         3 downstream_propagation repeated io.istio.http.peer_metadata.Config.PropagationMethod
         4 upstream_propagation repeated io.istio.http.peer_metadata.Config.PropagationMethod
         5 shared_with_upstream bool
         6 additional_labels repeated string
        message io.istio.http.peer_metadata.Config.Baggage
        message io.istio.http.peer_metadata.Config.DiscoveryMethod
         1 baggage io.istio.http.peer_metadata.Config.Baggage in method_specifier
         2 workload_discovery io.istio.http.peer_metadata.Config.WorkloadDiscovery in method_specifier
         3 istio_headers io.istio.http.peer_metadata.Config.IstioHeaders in method_specifier
        message io.istio.http.peer_metadata.Config.IstioHeaders
         1 skip_external_clusters bool
        message io.istio.http.peer_metadata.Config.PropagationMethod
         1 istio_headers io.istio.http.peer_metadata.Config.IstioHeaders in method_specifier
        message io.istio.http.peer_metadata.Config.WorkloadDiscovery
        message istio.mesh.v1alpha1.PrivateKeyProvider
         2 cryptomb istio.mesh.v1alpha1.PrivateKeyProvider.CryptoMb in provider
         3 qat istio.mesh.v1alpha1.PrivateKeyProvider.QAT in provider
        message istio.mesh.v1alpha1.PrivateKeyProvider.CryptoMb
         1 poll_delay google.protobuf.Duration
         2 fallback google.protobuf.BoolValue
        message istio.mesh.v1alpha1.PrivateKeyProvider.QAT
         1 poll_delay google.protobuf.Duration
         2 fallback google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig
         1 config_path string
         2 binary_path string
         3 service_cluster string in cluster_name
         4 drain_duration google.protobuf.Duration
         6 discovery_address string
         7 discovery_refresh_delay google.protobuf.Duration
         8 zipkin_address string
         10 statsd_udp_address string
         11 proxy_admin_port int32
         12 availability_zone string
         13 control_plane_auth_policy istio.mesh.v1alpha1.AuthenticationPolicy
         14 custom_config_file string
         15 stat_name_length int32
         16 concurrency google.protobuf.Int32Value
         17 proxy_bootstrap_template_path string
         18 interception_mode istio.mesh.v1alpha1.ProxyConfig.InboundInterceptionMode
         19 tracing istio.mesh.v1alpha1.Tracing
         20 envoy_metrics_service_address string
         21 sds istio.mesh.v1alpha1.SDS
         22 envoy_access_log_service istio.mesh.v1alpha1.RemoteService
         23 envoy_metrics_service istio.mesh.v1alpha1.RemoteService
         24 proxy_metadata map string
         26 status_port int32
         27 extra_stat_tags repeated string
         28 gateway_topology istio.mesh.v1alpha1.Topology
         29 termination_drain_duration google.protobuf.Duration
         30 mesh_id string
         31 readiness_probe istio.networking.v1alpha3.ReadinessProbe
         32 proxy_stats_matcher istio.mesh.v1alpha1.ProxyConfig.ProxyStatsMatcher
         33 hold_application_until_proxy_starts google.protobuf.BoolValue
         34 ca_certificates_pem repeated string
         35 image istio.networking.v1beta1.ProxyImage
         36 tracing_service_name istio.mesh.v1alpha1.ProxyConfig.TracingServiceName in cluster_name
         37 runtime_values map string
         38 private_key_provider istio.mesh.v1alpha1.PrivateKeyProvider
         39 proxy_headers istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders
         40 file_flush_interval google.protobuf.Duration
         41 file_flush_min_size_kb uint32
         42 stats_compression google.protobuf.BoolValue
         43 connection_settings istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings
        message istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings
         1 profile istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.Profile
         2 listener_per_connection_buffer_limit_bytes google.protobuf.Int32Value
         3 cluster_per_connection_buffer_limit_bytes google.protobuf.Int32Value
         4 http_idle_timeout google.protobuf.Duration
         5 http_max_connection_duration google.protobuf.Duration
         6 http_drain_timeout google.protobuf.Duration
         7 http_request_timeout google.protobuf.Duration
         8 http_request_headers_timeout google.protobuf.Duration
         9 http_stream_idle_timeout google.protobuf.Duration
         10 http_max_stream_duration google.protobuf.Duration
         11 http_max_concurrent_streams google.protobuf.Int32Value
         12 http2_initial_stream_window_size google.protobuf.Int32Value
         13 http2_initial_connection_window_size google.protobuf.Int32Value
         14 http_headers_with_underscores_action istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.HeadersWithUnderscoresAction
         15 http_merge_slashes google.protobuf.BoolValue
         16 http_path_with_escaped_slashes_action istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.PathWithEscapedSlashesAction
         17 listener_connection_limit google.protobuf.Int32Value
         18 global_downstream_connection_limit google.protobuf.Int32Value
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders
         1 forwarded_client_cert istio.mesh.v1alpha1.ForwardClientCertDetails
         2 server istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.Server
         3 request_id istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.RequestId
         4 attempt_count istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.AttemptCount
         5 envoy_debug_headers istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.EnvoyDebugHeaders
         6 metadata_exchange_headers istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.MetadataExchangeHeaders
         7 set_current_client_cert_details istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.SetCurrentClientCertDetails
         40 preserve_http1_header_case google.protobuf.BoolValue
         41 x_forwarded_host istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.XForwardedHost
         42 x_forwarded_port istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.XForwardedPort
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.AttemptCount
         1 disabled google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.EnvoyDebugHeaders
         1 disabled google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.MetadataExchangeHeaders
         1 mode istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.MetadataExchangeMode
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.RequestId
         1 disabled google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.Server
         1 disabled google.protobuf.BoolValue
         2 value string
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.SetCurrentClientCertDetails
         1 subject google.protobuf.BoolValue
         2 cert google.protobuf.BoolValue
         3 chain google.protobuf.BoolValue
         4 dns google.protobuf.BoolValue
         5 uri google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.XForwardedHost
         1 enabled google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.XForwardedPort
         1 enabled google.protobuf.BoolValue
        message istio.mesh.v1alpha1.ProxyConfig.ProxyStatsMatcher
         1 inclusion_prefixes repeated string
         2 inclusion_suffixes repeated string
         3 inclusion_regexps repeated string
        message istio.mesh.v1alpha1.RemoteService
         1 address string
         2 tls_settings istio.networking.v1alpha3.ClientTLSSettings
         3 tcp_keepalive istio.networking.v1alpha3.ConnectionPoolSettings.TCPSettings.TcpKeepalive
        message istio.mesh.v1alpha1.SDS
         1 enabled bool
         2 k8s_sa_jwt_path string
        message istio.mesh.v1alpha1.Topology
         1 num_trusted_proxies uint32
         2 forward_client_cert_details istio.mesh.v1alpha1.ForwardClientCertDetails
         3 proxy_protocol istio.mesh.v1alpha1.Topology.ProxyProtocolConfiguration
        message istio.mesh.v1alpha1.Topology.ProxyProtocolConfiguration
        message istio.mesh.v1alpha1.Tracing
         1 zipkin istio.mesh.v1alpha1.Tracing.Zipkin in tracer
         2 lightstep istio.mesh.v1alpha1.Tracing.Lightstep in tracer
         3 datadog istio.mesh.v1alpha1.Tracing.Datadog in tracer
         4 stackdriver istio.mesh.v1alpha1.Tracing.Stackdriver in tracer
         5 custom_tags map istio.mesh.v1alpha1.Tracing.CustomTag
         6 max_path_tag_length uint32
         7 sampling double
         8 tls_settings istio.networking.v1alpha3.ClientTLSSettings
         9 open_census_agent istio.mesh.v1alpha1.Tracing.OpenCensusAgent in tracer
         10 enable_istio_tags google.protobuf.BoolValue
        message istio.mesh.v1alpha1.Tracing.CustomTag
         1 literal istio.mesh.v1alpha1.Tracing.Literal in type
         2 environment istio.mesh.v1alpha1.Tracing.Environment in type
         3 header istio.mesh.v1alpha1.Tracing.RequestHeader in type
        message istio.mesh.v1alpha1.Tracing.Datadog
         1 address string
        message istio.mesh.v1alpha1.Tracing.Environment
         1 name string
         2 default_value string
        message istio.mesh.v1alpha1.Tracing.Lightstep
         1 address string
         2 access_token string
        message istio.mesh.v1alpha1.Tracing.Literal
         1 value string
        message istio.mesh.v1alpha1.Tracing.OpenCensusAgent
         1 address string
         2 context repeated istio.mesh.v1alpha1.Tracing.OpenCensusAgent.TraceContext
        message istio.mesh.v1alpha1.Tracing.RequestHeader
         1 name string
         2 default_value string
        message istio.mesh.v1alpha1.Tracing.Stackdriver
         1 debug bool
         2 max_number_of_attributes google.protobuf.Int64Value
         3 max_number_of_annotations google.protobuf.Int64Value
         4 max_number_of_message_events google.protobuf.Int64Value
        message istio.mesh.v1alpha1.Tracing.Zipkin
         1 address string
        message istio.networking.v1alpha3.ClientTLSSettings
         1 mode istio.networking.v1alpha3.ClientTLSSettings.TLSmode
         2 client_certificate string
         3 private_key string
         4 ca_certificates string
         5 subject_alt_names repeated string
         6 sni string
         7 credential_name string
         8 insecure_skip_verify google.protobuf.BoolValue
         9 ca_crl string
        message istio.networking.v1alpha3.ConnectionPoolSettings.TCPSettings.TcpKeepalive
         1 probes uint32
         2 time google.protobuf.Duration
         3 interval google.protobuf.Duration
        message istio.networking.v1alpha3.ExecHealthCheckConfig
         1 command repeated string
        message istio.networking.v1alpha3.GrpcHealthCheckConfig
         1 port uint32
         2 service string
        message istio.networking.v1alpha3.HTTPHeader
         1 name string
         2 value string
        message istio.networking.v1alpha3.HTTPHealthCheckConfig
         1 path string
         2 port uint32
         3 host string
         4 scheme string
         5 http_headers repeated istio.networking.v1alpha3.HTTPHeader
        message istio.networking.v1alpha3.ReadinessProbe
         2 initial_delay_seconds int32
         3 timeout_seconds int32
         4 period_seconds int32
         5 success_threshold int32
         6 failure_threshold int32
         7 http_get istio.networking.v1alpha3.HTTPHealthCheckConfig in health_check_method
         8 tcp_socket istio.networking.v1alpha3.TCPHealthCheckConfig in health_check_method
         9 exec istio.networking.v1alpha3.ExecHealthCheckConfig in health_check_method
         10 grpc istio.networking.v1alpha3.GrpcHealthCheckConfig in health_check_method
        message istio.networking.v1alpha3.TCPHealthCheckConfig
         1 host string
         2 port uint32
        message istio.networking.v1beta1.ProxyImage
         1 image_type string
        message stats.MetricConfig
         1 dimensions map string
         2 name string
         3 tags_to_remove repeated string
         4 match string
         5 drop bool
        message stats.MetricDefinition
         1 name string
         2 value string
         3 type stats.MetricType
        message stats.PluginConfig
         6 disable_host_header_fallback bool
         7 tcp_reporting_duration google.protobuf.Duration
         8 metrics repeated stats.MetricConfig
         9 definitions repeated stats.MetricDefinition
         10 reporter stats.Reporter
         11 rotation_interval google.protobuf.Duration
         12 graceful_deletion_interval google.protobuf.Duration
        enum istio.mesh.v1alpha1.AuthenticationPolicy
         0 NONE
         1 MUTUAL_TLS
         1000 INHERIT
        enum istio.mesh.v1alpha1.ForwardClientCertDetails
         0 UNDEFINED
         1 SANITIZE
         2 FORWARD_ONLY
         3 APPEND_FORWARD
         4 SANITIZE_SET
         5 ALWAYS_FORWARD_ONLY
        enum istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.HeadersWithUnderscoresAction
         0 HEADERS_WITH_UNDERSCORES_UNSPECIFIED
         1 HEADERS_WITH_UNDERSCORES_ALLOW
         2 HEADERS_WITH_UNDERSCORES_REJECT_REQUEST
         3 HEADERS_WITH_UNDERSCORES_DROP_HEADER
        enum istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.PathWithEscapedSlashesAction
         0 PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED
         1 KEEP_UNCHANGED
         2 REJECT_REQUEST
         3 UNESCAPE_AND_REDIRECT
         4 UNESCAPE_AND_FORWARD
        enum istio.mesh.v1alpha1.ProxyConfig.ConnectionSettings.Profile
         0 SIDECAR
         1 EDGE
        enum istio.mesh.v1alpha1.ProxyConfig.InboundInterceptionMode
         0 REDIRECT
         1 TPROXY
         2 NONE
        enum istio.mesh.v1alpha1.ProxyConfig.ProxyHeaders.MetadataExchangeMode
         0 UNDEFINED
         1 IN_MESH
        enum istio.mesh.v1alpha1.ProxyConfig.TracingServiceName
         0 APP_LABEL_AND_NAMESPACE
         1 CANONICAL_NAME_ONLY
         2 CANONICAL_NAME_AND_NAMESPACE
        enum istio.mesh.v1alpha1.Tracing.OpenCensusAgent.TraceContext
         0 UNSPECIFIED
         1 W3C_TRACE_CONTEXT
         2 GRPC_BIN
         3 CLOUD_TRACE_CONTEXT
         4 B3
        enum istio.networking.v1alpha3.ClientTLSSettings.TLSmode
         0 DISABLE
         1 SIMPLE
         2 MUTUAL
         3 ISTIO_MUTUAL
        enum stats.MetricType
         0 COUNTER
         1 GAUGE
         2 HISTOGRAM
        enum stats.Reporter
         0 UNSPECIFIED
         1 SERVER_GATEWAY
        """;
}
