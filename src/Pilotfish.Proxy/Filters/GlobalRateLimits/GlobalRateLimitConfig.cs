using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.Ratelimit.V3;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Workers;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>A compiled RateLimit of a chain: whom to ask, about which requests, and what to make of the answer. Any thread.</summary>
internal sealed class GlobalRateLimitConfig
{
    // As Envoy has them.
    private const long DefaultTimeoutMilliseconds = 20;
    private const uint StageMax = 10;
    private const int HeadersMax = 10;
    private const int DefaultStatus = 429;
    private const int DefaultErrorStatus = 500;
    private const int GrpcResourceExhausted = 8;

    private static readonly GrpcMethod s_method = new("envoy.service.ratelimit.v3.RateLimitService", "ShouldRateLimit");

    private readonly CollectorOptions _service;

    public GlobalRateLimitConfig(RateLimit message, string field, CompileContext context)
    {
        Domain = message.Domain.Length > 0 ? message.Domain : throw new ConfigRejectedException($"{field}.domain", "it is empty");
        Stage = message.Stage <= StageMax ? message.Stage : throw new ConfigRejectedException($"{field}.stage", $"{message.Stage} is more than {StageMax}");
        Internal = message.RequestType switch
        {
            "internal" => true,
            "external" => false,
            "both" or "" => null,
            var other => throw new ConfigRejectedException($"{field}.request_type", $"'{other}' is neither internal, external nor both"),
        };
        if (message.RateLimitService is not { } service)
        {
            throw new ConfigRejectedException($"{field}.rate_limit_service", "it is missing");
        }

        if (service.TransportApiVersion is not (ApiVersion.Auto or ApiVersion.V3))
        {
            throw new ConfigRejectedException($"{field}.rate_limit_service.transport_api_version", $"'{service.TransportApiVersion}' is not supported; V3 is");
        }

        CollectorOptions target = CollectorConfig.Compile(
            service.GrpcService, $"{field}.rate_limit_service.grpc_service", context, 0, "rate limit filter");
        _service = target with
        {
            Grpc = target.Grpc with { DeadlineMilliseconds = ProtoValues.Milliseconds(message.Timeout, DefaultTimeoutMilliseconds) },
        };
        Enabled = Share(message.FilterEnabled, "ratelimit.http_filter_enabled", context.Runtime);
        Enforced = Share(message.FilterEnforced, "ratelimit.http_filter_enforcing", context.Runtime);
        Denied = message.FailureModeDenyPercent is { } percent ? LiveFraction.Of(percent, context.Runtime)
            : message.FailureModeDeny ? LiveFraction.All
            : LiveFraction.None;
        Status = message.RateLimitedStatus is { } status && (int)status.Code is >= 400 and < 600 and var code ? code : DefaultStatus;
        ErrorStatus = message.StatusOnError is { } onError && (int)onError.Code is >= 200 and < 600 and var errorCode ? errorCode : DefaultErrorStatus;
        GrpcStatus = message.RateLimitedAsResourceExhausted ? GrpcResourceExhausted : null;
        TellsQuota = message.EnableXRatelimitHeaders == RateLimit.Types.XRateLimitHeadersRFCVersion.DraftVersion03;
        TellsLimited = !message.DisableXEnvoyRatelimitedHeader;
        ResponseHeaders = message.ResponseHeadersToAdd.Count <= HeadersMax
            ? HeaderMutations.Compile(message.ResponseHeadersToAdd, [], $"{field}.response_headers_to_add", "")
            : throw new ConfigRejectedException($"{field}.response_headers_to_add", $"there are more than {HeadersMax}");
        Rules = RateLimitRule.CompileAll(message.RateLimits, $"{field}.rate_limits", context);
        string prefix = message.StatPrefix.Length > 0 ? $"ratelimit.{message.StatPrefix}." : "ratelimit.";
        OkName = prefix + "ok";
        OverLimitName = prefix + "over_limit";
        ErrorName = prefix + "error";
        AllowedName = prefix + "failure_mode_allowed";
    }

    public string Domain { get; }

    public uint Stage { get; }

    /// <summary>Whether only internal or only external requests are asked about; null = both.</summary>
    public bool? Internal { get; }

    public LiveFraction Enabled { get; }

    public LiveFraction Enforced { get; }

    /// <summary>The share of requests that are refused when the service does not answer.</summary>
    public LiveFraction Denied { get; }

    public int Status { get; }

    public int ErrorStatus { get; }

    /// <summary>Of gRPC calls that are refused; null = as the HTTP status says.</summary>
    public int? GrpcStatus { get; }

    /// <summary>Whether responses carry x-ratelimit-*.</summary>
    public bool TellsQuota { get; }

    /// <summary>Whether responses to requests beyond the limit carry x-envoy-ratelimited.</summary>
    public bool TellsLimited { get; }

    public HeaderMutations ResponseHeaders { get; }

    /// <summary>rate_limits: in place of those of routes and virtual hosts. Empty for none.</summary>
    public RateLimitRule[] Rules { get; }

    // Names of counters below the route's cluster.
    public string OkName { get; }

    public string OverLimitName { get; }

    public string ErrorName { get; }

    public string AllowedName { get; }

    /// <summary>Headers of each call; null for none.</summary>
    public HeaderMap? Metadata => _service.Metadata;

    public AsyncGrpcRequest Call(Worker worker, IAsyncGrpcRequestEvents events) => new(worker, _service.Cluster, s_method, _service.Grpc, events);

    private static LiveFraction Share(RuntimeFractionalPercent? percent, string key, RuntimeValues runtime) =>
        percent is null ? new LiveFraction(Fraction.All, runtime.Key(key)) : LiveFraction.Of(percent, runtime);
}
