namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Names by which extensions go in configuration, log lines and statistics.</summary>
internal static class ExtensionNames
{
    public const string HttpConnectionManager = "envoy.filters.network.http_connection_manager";
    public const string TcpProxy = "envoy.filters.network.tcp_proxy";
    public const string MongoProxy = "envoy.filters.network.mongo_proxy";
    public const string MetadataExchange = "istio.metadata_exchange";
    public const string Stats = "istio.stats";
    public const string Alpn = "istio.alpn";
    public const string Router = "envoy.filters.http.router";
    public const string Cors = "envoy.filters.http.cors";
    public const string Fault = "envoy.filters.http.fault";
    public const string GrpcStats = "envoy.filters.http.grpc_stats";
    public const string GrpcWeb = "envoy.filters.http.grpc_web";
    public const string TlsInspector = "envoy.filters.listener.tls_inspector";
    public const string HttpInspector = "envoy.filters.listener.http_inspector";
    public const string OriginalDestination = "envoy.filters.listener.original_dst";
    public const string OriginalSource = "envoy.filters.listener.original_src";
    public const string ExpressionFilter = "envoy.access_loggers.extension_filters.cel";
    public const string HttpGrpcAccessLog = "envoy.access_loggers.http_grpc";
    public const string TcpGrpcAccessLog = "envoy.tcp_grpc_access_log";
    public const string OpenTelemetryAccessLog = "envoy.access_loggers.open_telemetry";
    public const string WithoutQueryFormatter = "envoy.formatter.req_without_query";
    public const string FileAccessLog = "envoy.access_loggers.file";
    public const string TransportSocketTls = "envoy.transport_sockets.tls";
    public const string TransportSocketRawBuffer = "envoy.transport_sockets.raw_buffer";
    public const string PreviousHosts = "envoy.retry_host_predicates.previous_hosts";
    public const string PreviousPriorities = "envoy.retry_priorities.previous_priorities";
    public const string HttpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    public const string IstioMetadata = "istio";
    public const string TransportSocketMatch = "envoy.transport_socket_match";
}
