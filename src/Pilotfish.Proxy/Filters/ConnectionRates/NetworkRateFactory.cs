using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.LocalRateLimits;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Message = Envoy.Extensions.Filters.Network.LocalRatelimit.V3.LocalRateLimit;
using TokenBucketMessage = Envoy.Type.V3.TokenBucket;

namespace Pilotfish.Proxy.Filters.ConnectionRates;

/// <summary>envoy.filters.network.local_ratelimit. Filters of one share_key with equal buckets have one bucket. Main loop.</summary>
internal sealed class NetworkRateFactory : INetworkFilterFactory
{
    private readonly Dictionary<(string Key, TokenBucketMessage Bucket), WeakReference<TokenBucket>> _shared = [];

    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"];

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        Message message = config.Parse(Message.Parser);
        StatScope scope = context.Config.Stats.Scope("local_rate_limit." + message.StatPrefix);
        context.Owned.Add(scope);
        return new Filter(ConnectionRate.Compile(
            message.StatPrefix, Bucket(message, config.Field, context.Config), message.RuntimeEnabled, scope, config.Field, context.Config));
    }

    private TokenBucket Bucket(Message message, string field, CompileContext context)
    {
        if (message.ShareKey.Length > 0 && message.TokenBucket is { } asked
            && _shared.TryGetValue((message.ShareKey, asked), out WeakReference<TokenBucket>? known) && known.TryGetTarget(out TokenBucket? living))
        {
            return living;
        }

        TokenBucket bucket = ConnectionRate.Bucket(message.TokenBucket, field, context);
        if (message.ShareKey.Length > 0)
        {
            foreach ((string, TokenBucketMessage) gone in new List<(string, TokenBucketMessage)>(_shared.Keys))
            {
                if (!_shared[gone].TryGetTarget(out _))
                {
                    _shared.Remove(gone);
                }
            }

            _shared[(message.ShareKey, message.TokenBucket)] = new WeakReference<TokenBucket>(bucket);
        }

        return bucket;
    }

    private sealed class Filter(ConnectionRate rate) : NetworkFilter
    {
        public override NetworkFilterSession? NewConnection(DownstreamConnection connection)
        {
            if (rate.Allows(connection.Worker))
            {
                return null;
            }

            connection.Info.LocalCloseReason = Refusal.Over.Details;
            return Refusal.Instance;
        }
    }

    private sealed class Refusal : NetworkFilterSession
    {
        public static readonly Refusal Instance = new();

        // The flag is Envoy's.
        public static readonly EndReason Over = new(
            EndCause.RateLimited, EndSide.Proxy, "local_ratelimit_close_over_limit", ResponseFlags.Of(ResponseFlag.UpstreamRetryLimitExceeded),
            "There are more new connections than the filter chain's local_ratelimit allows.");

        public override ValueTask<EndReason?> OnNewConnectionAsync() => new(Over);
    }
}
