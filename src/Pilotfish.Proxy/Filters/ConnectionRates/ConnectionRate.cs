using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.LocalRateLimits;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using TokenBucketMessage = Envoy.Type.V3.TokenBucket;

namespace Pilotfish.Proxy.Filters.ConnectionRates;

/// <summary>How many new connections there may be in a time, over all workers: what both local_ratelimit filters of connections ask. Any worker.</summary>
internal sealed class ConnectionRate
{
    private readonly TokenBucket _bucket;
    private readonly LiveFlag _enabled;
    private readonly Counter _limited;

    private ConnectionRate(TokenBucket bucket, LiveFlag enabled, Counter limited) => (_bucket, _enabled, _limited) = (bucket, enabled, limited);

    /// <summary>Rejects by field.</summary>
    /// <param name="prefix">stat_prefix.</param>
    /// <param name="bucket">The bucket of these connections.</param>
    /// <param name="enabled">runtime_enabled.</param>
    /// <param name="scope">Where `rate_limited` is counted.</param>
    /// <param name="field">Of the filter's config.</param>
    /// <param name="context">Of the compilation.</param>
    public static ConnectionRate Compile(
        string prefix, TokenBucket bucket, RuntimeFeatureFlag? enabled, StatScope scope, string field, CompileContext context) => prefix.Length > 0
        ? new ConnectionRate(bucket, LiveFlag.Of(enabled, whenAbsent: true, context.Runtime), scope.Counter("rate_limited"))
        : throw new ConfigRejectedException(field + ".stat_prefix", "the prefix is empty");

    public static TokenBucket Bucket(TokenBucketMessage? message, string field, CompileContext context) => TokenBucket.Compile(
        message ?? throw new ConfigRejectedException(field + ".token_bucket", "it is missing"), field + ".token_bucket",
        context.Workers.MainLoop.NowNanoseconds);

    /// <summary>Takes a token for a new connection; false, and counted, when there is none.</summary>
    public bool Allows(Worker worker)
    {
        if (!_enabled.Current || _bucket.TryTake(1, worker.Loop.NowNanoseconds))
        {
            return true;
        }

        worker.Stats.Add(_limited);
        return false;
    }
}
