using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using TokenBucketMessage = Envoy.Type.V3.TokenBucket;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>
/// Tokens that come back steadily, so many in each fill interval, up to a maximum; full at first. Any thread, without a lock: its only state
/// is the moment at which it would have been empty, had it filled ever since (as Envoy's AtomicTokenBucketImpl). Times are the loops'
/// nanoseconds.
/// </summary>
internal sealed class TokenBucket
{
    private const double NanosecondsPerSecond = 1e9;
    private const double NanosecondsPerMillisecond = 1e6;

    // As Envoy bounds it.
    private const long FillMillisecondsMin = 50;

    private readonly double _nanosecondsPerToken;
    private long _emptyAtBits;

    /// <param name="tokensMax">At least 1.</param>
    /// <param name="nanosecondsPerToken">How long one takes to come back.</param>
    /// <param name="nowNanoseconds">The moment at which it is full.</param>
    public TokenBucket(uint tokensMax, double nanosecondsPerToken, long nowNanoseconds)
    {
        TokensMax = tokensMax;
        _nanosecondsPerToken = nanosecondsPerToken;
        _emptyAtBits = BitConverter.DoubleToInt64Bits(nowNanoseconds - (tokensMax * nanosecondsPerToken));
    }

    public uint TokensMax { get; }

    public double NanosecondsPerToken => _nanosecondsPerToken;

    /// <summary>A full one of the same size.</summary>
    public TokenBucket Another(long nowNanoseconds) => new(TokensMax, _nanosecondsPerToken, nowNanoseconds);

    public static TokenBucket Compile(TokenBucketMessage message, string field, long nowNanoseconds)
    {
        if (message.MaxTokens == 0)
        {
            throw new ConfigRejectedException($"{field}.max_tokens", "it must be at least 1");
        }

        if (message.TokensPerFill == 0)
        {
            throw new ConfigRejectedException($"{field}.tokens_per_fill", "it must be at least 1");
        }

        long fill = FillMilliseconds(message);
        return fill >= FillMillisecondsMin
            ? new TokenBucket(message.MaxTokens, fill * NanosecondsPerMillisecond / (message.TokensPerFill ?? 1), nowNanoseconds)
            : throw new ConfigRejectedException($"{field}.fill_interval", $"it must be at least {FillMillisecondsMin} ms");
    }

    public static long FillMilliseconds(TokenBucketMessage message) => Durations.Milliseconds(message.FillInterval) ?? 0;

    /// <summary>Takes as many tokens, or none when there are not so many.</summary>
    public bool TryTake(ulong tokens, long nowNanoseconds)
    {
        while (true)
        {
            long bits = Interlocked.Read(ref _emptyAtBits);
            double emptyAt = Math.Max(BitConverter.Int64BitsToDouble(bits), nowNanoseconds - (TokensMax * _nanosecondsPerToken));
            double after = emptyAt + (tokens * _nanosecondsPerToken);

            // A rounding error of one token in a thousand must not refuse what is just there.
            if (after > nowNanoseconds + (_nanosecondsPerToken / 1000))
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _emptyAtBits, BitConverter.DoubleToInt64Bits(after), bits) == bits)
            {
                return true;
            }
        }
    }

    public uint Remaining(long nowNanoseconds)
    {
        double tokens = (nowNanoseconds - BitConverter.Int64BitsToDouble(Interlocked.Read(ref _emptyAtBits))) / _nanosecondsPerToken;
        return (uint)Math.Clamp(tokens + 0.001, 0, TokensMax);
    }

    /// <summary>Seconds until there is a token, rounded up; 0 while there is one.</summary>
    public ulong ResetSeconds(long nowNanoseconds)
    {
        double next = BitConverter.Int64BitsToDouble(Interlocked.Read(ref _emptyAtBits)) + _nanosecondsPerToken - nowNanoseconds;
        return (ulong)Math.Max(0, Math.Ceiling((next - (_nanosecondsPerToken / 1000)) / NanosecondsPerSecond));
    }
}
