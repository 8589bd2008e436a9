using Envoy.Extensions.Common.Ratelimit.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>A compiled LocalRateLimit, of the chain or of a level of routes, with the buckets of the process. Any thread.</summary>
internal sealed class LocalRateLimitConfig
{
    // As Envoy bounds its lists of headers.
    private const int HeadersMax = 10;
    private const uint DynamicMax = 20;
    private const int DefaultStatus = 429;
    private const int GrpcResourceExhausted = 8;

    private readonly CompileContext _context;
    private readonly LocalRateLimit _message;
    private readonly LocalLimiter _process;

    private LocalRateLimitConfig(LocalRateLimit message, string field, CompileContext context, StatScope scope)
    {
        _context = context;
        _message = message;
        Stats = new LocalRateLimitStats(scope);
        Enabled = message.FilterEnabled is null ? LiveFraction.None : LiveFraction.Of(message.FilterEnabled, context.Runtime);
        Enforced = message.FilterEnforced is null ? LiveFraction.None : LiveFraction.Of(message.FilterEnforced, context.Runtime);
        Status = message.Status is { } status && (int)status.Code is >= 400 and < 600 and var code ? code : DefaultStatus;
        RequestHeaders = Headers(message.RequestHeadersToAddWhenNotEnforced, $"{field}.request_headers_to_add_when_not_enforced");
        ResponseHeaders = Headers(message.ResponseHeadersToAdd, $"{field}.response_headers_to_add");
        Stage = message.Stage;
        PerConnection = message.LocalRateLimitPerDownstreamConnection;
        TellsLimits = message.EnableXRatelimitHeaders == XRateLimitHeadersRFCVersion.DraftVersion03;
        HostRules = message.VhRateLimits;
        GrpcStatus = message.RateLimitedAsResourceExhausted ? GrpcResourceExhausted : null;
        HasDescriptors = message.Descriptors.Count > 0;
        Rules = RateLimitRule.CompileAll(message.RateLimits, $"{field}.rate_limits", context);
        _process = Limiter(field);
    }

    public LocalRateLimitStats Stats { get; }

    public LiveFraction Enabled { get; }

    public LiveFraction Enforced { get; }

    public int Status { get; }

    public HeaderMutations RequestHeaders { get; }

    public HeaderMutations ResponseHeaders { get; }

    public uint Stage { get; }

    /// <summary>local_rate_limit_per_downstream_connection.</summary>
    public bool PerConnection { get; }

    /// <summary>Whether responses tell of the bucket by x-ratelimit-*.</summary>
    public bool TellsLimits { get; }

    /// <summary>Whether a virtual host's rate_limits count beside a route's.</summary>
    public VhRateLimitsOptions HostRules { get; }

    /// <summary>Of gRPC calls that are refused; null = as the HTTP status says.</summary>
    public int? GrpcStatus { get; }

    /// <summary>Whether requests are described at all.</summary>
    public bool HasDescriptors { get; }

    /// <summary>rate_limits: in place of those of routes and virtual hosts. Empty for none.</summary>
    public RateLimitRule[] Rules { get; }

    public static LocalRateLimitConfig Compile(ExtensionConfig config, CompileContext context, bool ofRoute, out StatScope scope)
    {
        LocalRateLimit message = config.Parse(LocalRateLimit.Parser);
        UnheededFields.Check(UnheededFields.OfLocalRateLimit, message, config.Field, "local rate limit filter", context.Warnings);
        if (message.StatPrefix.Length == 0)
        {
            throw new ConfigRejectedException($"{config.Field}.stat_prefix", "it is empty");
        }

        if (ofRoute && message.TokenBucket is null)
        {
            throw new ConfigRejectedException($"{config.Field}.token_bucket", "a route's limit needs one");
        }

        scope = context.Stats.Scope($"{message.StatPrefix}.http_local_rate_limit");
        try
        {
            return new LocalRateLimitConfig(message, config.Field, context, scope);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>The buckets that a request of this connection takes from.</summary>
    public LocalLimiter LimiterOf(Streams.ConnectionInfo connection) => PerConnection ? ConnectionLimiters.Of(connection).For(this) : _process;

    /// <summary>Full buckets, for another connection. Any thread: what the message says was checked.</summary>
    public LocalLimiter NewLimiter() => Limiter("");

    private LocalLimiter Limiter(string field)
    {
        long now = _context.Workers.MainLoop.NowNanoseconds;
        TokenBucket? bucket = _message.TokenBucket is null ? null : TokenBucket.Compile(_message.TokenBucket, $"{field}.token_bucket", now);
        var descriptors = new LocalDescriptor[_message.Descriptors.Count];
        for (int i = 0; i < descriptors.Length; i++)
        {
            descriptors[i] = Descriptor(_message.Descriptors[i], $"{field}.descriptors[{i}]", now);
            for (int j = 0; j < i; j++)
            {
                if (descriptors[j].Entries.SequenceEqual(descriptors[i].Entries))
                {
                    throw new ConfigRejectedException($"{field}.descriptors[{i}].entries", $"they are those of descriptors[{j}]");
                }
            }
        }

        Array.Sort(descriptors, static (a, b) => b.NanosecondsPerToken.CompareTo(a.NanosecondsPerToken));
        return new LocalLimiter(bucket, descriptors, _message.AlwaysConsumeDefaultTokenBucket ?? true);
    }

    private LocalDescriptor Descriptor(LocalRateLimitDescriptor message, string field, long now)
    {
        if (message.Entries.Count == 0 || message.TokenBucket is null)
        {
            throw new ConfigRejectedException(field, "it needs entries and a token_bucket");
        }

        var entries = new DescriptorEntry[message.Entries.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = message.Entries[i].Key.Length > 0
                ? new DescriptorEntry(message.Entries[i].Key, message.Entries[i].Value)
                : throw new ConfigRejectedException($"{field}.entries[{i}].key", "it is empty");
        }

        var bucket = TokenBucket.Compile(message.TokenBucket, $"{field}.token_bucket", now);
        if (_message.TokenBucket is { } own && TokenBucket.FillMilliseconds(message.TokenBucket) % TokenBucket.FillMilliseconds(own) != 0)
        {
            throw new ConfigRejectedException($"{field}.token_bucket.fill_interval", "it must be a multiple of the limit's own");
        }

        uint most = _message.MaxDynamicDescriptors ?? DynamicMax;
        return most > 0
            ? new LocalDescriptor(entries, bucket, message.ShadowMode, most)
            : throw new ConfigRejectedException("max_dynamic_descriptors", "it must be at least 1");
    }

    private static HeaderMutations Headers(IList<Envoy.Config.Core.V3.HeaderValueOption> headers, string field) => headers.Count <= HeadersMax
        ? HeaderMutations.Compile(headers, [], field, "")
        : throw new ConfigRejectedException(field, $"there are more than {HeadersMax}");
}
