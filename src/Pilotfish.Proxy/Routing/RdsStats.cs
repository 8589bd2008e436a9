using System.IO.Hashing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Routing;

/// <summary>The statistics of one RDS subscription, under <c>http.PREFIX.rds.ROUTES.</c>. Main loop.</summary>
internal sealed class RdsStats : IDisposable
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly StatScope _scope;
    private readonly Counter _reloads;
    private readonly Gauge _reloadTime;
    private readonly SubscriptionStats _subscription;
    private ulong? _hash;

    public RdsStats(StatScope scope)
    {
        _scope = scope;
        _reloads = scope.Counter("config_reload");
        _reloadTime = scope.Gauge("config_reload_time_ms");
        scope.Counter("update_empty");
        _subscription = new SubscriptionStats(scope);
        _subscription.Attempted();
    }

    /// <summary>A configuration was accepted; it is a reload unless it is the one that was there.</summary>
    /// <param name="message">Its bytes.</param>
    /// <param name="version">Its version.</param>
    /// <param name="loop">The main loop.</param>
    /// <param name="beganNanoseconds">When applying it began, by the loop's clock.</param>
    public void Accepted(ReadOnlySpan<byte> message, string version, EventLoop loop, long beganNanoseconds)
    {
        _subscription.Succeeded(version, loop.WallNow, (loop.ReadClockNanoseconds() - beganNanoseconds) / NanosecondsPerMillisecond);
        ulong hash = XxHash64.HashToUInt64(message);
        if (hash != _hash)
        {
            _hash = hash;
            _scope.Store.Main.Add(_reloads);
            _scope.Store.Main.Set(_reloadTime, loop.WallNow.ToUnixTimeMilliseconds());
        }
    }

    public void Refused() => _subscription.Rejected();

    public void TimedOut() => _subscription.TimedOut();

    public void StreamEnded() => _subscription.Failed();

    public void Dispose() => _scope.Dispose();
}
