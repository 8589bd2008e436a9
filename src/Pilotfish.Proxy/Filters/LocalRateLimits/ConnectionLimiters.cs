using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>The buckets of one connection, by the config that they are of. Its loop only.</summary>
internal sealed class ConnectionLimiters : IFilterStateObject
{
    private const string Key = "per_connection_local_rate_limiter";

    // A connection that outlives many pushes of routes must not gather the buckets of all of them; more limits at a time are configured by nobody.
    private const int ConfigsMax = 16;

    private readonly List<(LocalRateLimitConfig Config, LocalLimiter Limiter)> _limiters = [];

    public string? PlainText => null;

    public ulong? PoolKeyHash => null;

    public static ConnectionLimiters Of(ConnectionInfo connection)
    {
        FilterState state = connection.EnsureFilterState();
        if (state.Get(Key) is ConnectionLimiters known)
        {
            return known;
        }

        var limiters = new ConnectionLimiters();
        state.Set(Key, limiters);
        return limiters;
    }

    public LocalLimiter For(LocalRateLimitConfig config)
    {
        foreach ((LocalRateLimitConfig known, LocalLimiter limiter) in _limiters)
        {
            if (known == config)
            {
                return limiter;
            }
        }

        if (_limiters.Count == ConfigsMax)
        {
            _limiters.RemoveAt(0);
        }

        LocalLimiter made = config.NewLimiter();
        _limiters.Add((config, made));
        return made;
    }
}
