using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Config;

/// <summary>The life of this process and the statistics that tell it. Main loop.</summary>
public sealed class ServerState
{
    private readonly EventLoop _loop;
    private readonly StatsStore _stats;
    private readonly Gauge _state;
    private readonly Gauge _live;
    private readonly Gauge _uptime;
    private readonly Gauge _heap;
    private readonly Gauge _allocated;
    private readonly Gauge _physical;
    private readonly Histogram _initialization;
    private readonly long _startMilliseconds;
    private bool _initialized;

    public ServerState(EventLoop loop, StatsStore stats, int concurrency)
    {
        _loop = loop;
        _stats = stats;
        StartTime = loop.WallNow;
        _startMilliseconds = loop.NowMilliseconds;
        StatScope scope = stats.Scope("server");
        _state = scope.Gauge("state");
        _live = scope.Gauge("live");
        _uptime = scope.Gauge("uptime");
        _heap = scope.Gauge("memory_heap_size");
        _allocated = scope.Gauge("memory_allocated");
        _physical = scope.Gauge("memory_physical_size");
        _initialization = scope.Histogram("initialization_time_ms");
        stats.Main.Set(scope.Gauge("concurrency"), concurrency);
        Set(ServerPhase.PreInitializing);
    }

    /// <summary>Whether this process fails health checks; who answers them looks here.</summary>
    public HealthSwitch Health { get; } = new();

    /// <summary>Brings what others count in their own way up to date.</summary>
    public Action? Refreshing { get; set; }

    public DateTimeOffset StartTime { get; }

    public ServerPhase Phase { get; private set; }

    /// <summary>After /healthcheck/fail the process counts as draining until /healthcheck/ok.</summary>
    public ServerPhase ReportedPhase =>
        Health.Fails && Phase == ServerPhase.Live ? ServerPhase.Draining : Phase;

    public long UptimeSeconds => (_loop.NowMilliseconds - _startMilliseconds) / 1000;

    public void Set(ServerPhase phase)
    {
        if (phase == ServerPhase.Live && !_initialized)
        {
            _initialized = true;
            _stats.Main.Record(_initialization, _loop.NowMilliseconds - _startMilliseconds);
        }

        Phase = phase;
        Publish();
    }

    public void FailHealthChecks(bool fails)
    {
        Health.Fails = fails;
        Publish();
    }

    /// <summary>Brings gauges of time and memory up to date, before a report.</summary>
    public void Refresh()
    {
        StatCells cells = _stats.Main;
        cells.Set(_uptime, UptimeSeconds);
        cells.Set(_allocated, GC.GetTotalMemory(forceFullCollection: false));
        cells.Set(_heap, GC.GetGCMemoryInfo().TotalCommittedBytes);
        cells.Set(_physical, Environment.WorkingSet);
        Refreshing?.Invoke();
    }

    private void Publish()
    {
        _stats.Main.Set(_state, (long)ReportedPhase);
        _stats.Main.Set(_live, ReportedPhase == ServerPhase.Live ? 1 : 0);
    }
}
