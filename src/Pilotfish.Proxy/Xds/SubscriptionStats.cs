using System.IO.Hashing;
using System.Text;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Xds;

/// <summary>The counters of one subscription, such as cluster_manager.cds. Main loop.</summary>
internal sealed class SubscriptionStats(StatScope scope) : ISubscriptionStats
{
    private readonly StatCells _cells = scope.Store.Main;
    private readonly Counter _attempts = scope.Counter("update_attempt");
    private readonly Counter _successes = scope.Counter("update_success");
    private readonly Counter _failures = scope.Counter("update_failure");
    private readonly Counter _rejections = scope.Counter("update_rejected");
    private readonly Counter _timeouts = scope.Counter("init_fetch_timeout");
    private readonly Gauge _time = scope.Gauge("update_time");
    private readonly Gauge _version = scope.Gauge("version");
    private readonly Histogram _duration = scope.Histogram("update_duration");
    private readonly TextReadout _versionText = scope.TextReadout("version_text");

    public void Attempted() => _cells.Add(_attempts);

    /// <summary>The stream ended or could not be opened.</summary>
    public void Failed() => _cells.Add(_failures);

    public void TimedOut() => _cells.Add(_timeouts);

    public void Succeeded(string version, DateTimeOffset now, long durationMilliseconds)
    {
        _cells.Add(_successes);
        _cells.Set(_time, now.ToUnixTimeMilliseconds());
        _cells.Set(_version, (long)XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(version)));
        _cells.Record(_duration, durationMilliseconds);
        _versionText.Value = version;
    }

    public void Rejected() => _cells.Add(_rejections);
}
