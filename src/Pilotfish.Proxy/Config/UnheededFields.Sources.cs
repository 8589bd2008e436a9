using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.RequestId.Uuid.V3;
using Envoy.Extensions.TransportSockets.ProxyProtocol.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Combined = Envoy.Extensions.TransportSockets.Tls.V3.CommonTlsContext.Types.CombinedCertificateValidationContext;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Config;

/// <content>The messages that many others have within: where configuration, secrets and services come from, and single sockets.</content>
public static partial class UnheededFields
{
    private const string NotInEnvoy = "it does nothing in Envoy either";
    private const string OnlyV3 = "V3 is the only version";
    private const string OfRest = "REST does not exist here, and nothing is polled";
    private const string NoHttp3 = "HTTP/3 is not available in Pilotfish";

    public static readonly UnheededField<ConfigSource>[] OfConfigSource =
    [
        new("authorities", static m => m.Authorities.Count > 0, Warned, NotInEnvoy),
        new("resource_api_version", static m => m.ResourceApiVersion == OldVersion, Refused, OnlyV3),
    ];

    public static readonly UnheededField<ApiConfigSource>[] OfApiConfigSource =
    [
        new("transport_api_version", static m => m.TransportApiVersion == OldVersion, Refused, OnlyV3),
        new("refresh_delay", static m => m.RefreshDelay is not null, Warned, OfRest),
        new("request_timeout", static m => m.RequestTimeout is not null, Warned, OfRest),
        new("rate_limit_settings", static m => m.RateLimitSettings is not null, Warned, "requests are as many as there are changes"),
        new("set_node_on_first_message_only", static _ => false, Warned, "a stream tells its node once"),
        new("config_validators", static m => m.ConfigValidators.Count > 0, Refused, "validators of configuration do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<GrpcService>[] OfGrpcService =
    [
        new("retry_policy", static m => m.RetryPolicy is not null, Warned, "each user of a service has a back-off of its own"),
    ];

    public static readonly UnheededField<GrpcService.Types.EnvoyGrpc>[] OfEnvoyGrpc =
    [
        new("max_receive_message_length", static m => m.MaxReceiveMessageLength > 0, Warned, "each kind of call has a bound of its own"),
        new("skip_envoy_headers", static _ => false, Warned, "calls carry no such headers"),
    ];

    public static readonly UnheededField<DataSource>[] OfDataSource =
    [
        new("watched_directory", static _ => false, Warned, "files of secrets are looked at by themselves, other files are read once"),
    ];

    public static readonly UnheededField<ExtraSourceAddress>[] OfExtraSource =
    [
        new("socket_options", static m => m.SocketOptions is not null, Warned, "sockets to upstreams take no options"),
    ];

    public static readonly UnheededField<SocketOption>[] OfSocketOption =
    [
        new("description", static _ => false, Warned, "it is for the reader"),
    ];

    public static readonly UnheededField<Listener.Types.ConnectionBalanceConfig>[] OfBalance =
    [
        new("extend_balance", static m => m.ExtendBalance is not null, Refused, "balancers of extensions do not exist in Pilotfish"),
    ];

    public static readonly UnheededField<TlsCertificate>[] OfTlsCertificate =
    [
        new("signed_certificate_timestamp", static m => m.SignedCertificateTimestamp.Count > 0, Warned, NotInEnvoy),
    ];

    public static readonly UnheededField<Combined>[] OfCombinedValidation =
    [
        new("validation_context_certificate_provider", static m => m.ValidationContextCertificateProvider is not null, Refused, NoProviders),
        new("validation_context_certificate_provider_instance", static m => m.ValidationContextCertificateProviderInstance is not null, Refused, NoProviders),
    ];

    public static readonly UnheededField<ProxyProtocolUpstreamTransport>[] OfProxyTransport =
    [
        new("allow_unspecified_address", static m => m.AllowUnspecifiedAddress, Warned, NotInEnvoy),
        new("tlv_as_pool_key", static m => m.TlvAsPoolKey, Warned, NotInEnvoy),
    ];

    public static readonly UnheededField<UpstreamHttp.Types.ExplicitHttpConfig>[] OfExplicitHttp =
    [
        new("http3_protocol_options", static m => m.Http3ProtocolOptions is not null, Refused, NoHttp3),
    ];

    public static readonly UnheededField<UpstreamHttp.Types.UseDownstreamHttpConfig>[] OfDownstreamsHttp =
    [
        new("http3_protocol_options", static m => m.Http3ProtocolOptions is not null, Warned, NoHttp3),
    ];

    public static readonly UnheededField<UpstreamHttp.Types.AutoHttpConfig>[] OfAutoHttp =
    [
        new("http3_protocol_options", static m => m.Http3ProtocolOptions is not null, Warned, NoHttp3),
        new("alternate_protocols_cache_options", static m => m.AlternateProtocolsCacheOptions is not null, Warned, NoHttp3),
    ];

    public static readonly UnheededField<UuidRequestIdConfig>[] OfRequestId =
    [
        new("use_request_id_for_trace_sampling", static _ => false, Warned, "requests are not traced"),
    ];

#pragma warning disable CS0612 // A version that is deprecated, to be refused by its name.
    private const ApiVersion OldVersion = ApiVersion.V2;
#pragma warning restore CS0612

    /// <summary>Throws for what a source of configuration asks for in vain and must not.</summary>
    internal static void Refuse(ConfigSource source)
    {
        foreach (UnheededField<ConfigSource> field in OfConfigSource)
        {
            field.Refuse(source, "");
        }

        if (source.ApiConfigSource is { } api)
        {
            Refuse(api, "api_config_source");
        }
    }

    internal static void Refuse(ApiConfigSource source, string path)
    {
        foreach (UnheededField<ApiConfigSource> field in OfApiConfigSource)
        {
            field.Refuse(source, path);
        }

        if (source.ApiType is not (ApiConfigSource.Types.ApiType.Grpc or ApiConfigSource.Types.ApiType.DeltaGrpc
            or ApiConfigSource.Types.ApiType.AggregatedGrpc or ApiConfigSource.Types.ApiType.AggregatedDeltaGrpc))
        {
            throw new ConfigRejectedException(path + ".api_type", $"'{source.ApiType}' does not exist here; GRPC and DELTA_GRPC do");
        }
    }

    /// <summary>Checks a gRPC service and the cluster that it names.</summary>
    internal static void Check(GrpcService? service, string path, string resource, ConfigProblems warnings)
    {
        Check(OfGrpcService, service, path, resource, warnings);
        Check(OfEnvoyGrpc, service?.EnvoyGrpc, path + ".envoy_grpc", resource, warnings);
    }
}
