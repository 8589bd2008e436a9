using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// Reads the monitors at every refresh interval and sets the levels of actions and load-shed points: the highest of their
/// triggers counts. Main loop.
/// </summary>
internal sealed class OverloadRefresher : IDisposable
{
    private readonly OverloadPlan _plan;
    private readonly WorkerSet _workers;
    private readonly StatCells _cells;
    private readonly HeapShrinker _shrinker = new();
    private readonly LoopTimer _timer;
    private readonly Dictionary<string, double> _pressures = new(StringComparer.Ordinal);
    private readonly Action _closeIdle;
    private readonly Action<HighMemoryReset> _resetStreams;
    private long _refreshed;

    /// <param name="plan">What to watch and what to do.</param>
    /// <param name="workers">Whose main loop times this.</param>
    /// <param name="cells">The main loop's.</param>
    /// <param name="closeIdle">Closes idle HTTP connections everywhere.</param>
    /// <param name="resetStreams">Ends the streams that hold the most memory.</param>
    public OverloadRefresher(
        OverloadPlan plan, WorkerSet workers, StatCells cells, Action closeIdle, Action<HighMemoryReset> resetStreams)
    {
        _plan = plan;
        _workers = workers;
        _cells = cells;
        _closeIdle = closeIdle;
        _resetStreams = resetStreams;
        _timer = new LoopTimer(workers.MainLoop, static state => ((OverloadRefresher)state!).OnTimer(), this);
    }

    public void Start()
    {
        if (_plan.Monitors.Count > 0)
        {
            OnTimer();
        }
    }

    public void Dispose() => _timer.Cancel();

    private void OnTimer()
    {
        long now = _workers.MainLoop.NowMilliseconds;
        if (_refreshed > 0)
        {
            _cells.Record(_plan.RefreshDelay, now - _refreshed);
        }

        _refreshed = now;
        Refresh();
        _timer.Schedule(_plan.RefreshMilliseconds);
    }

    private void Refresh()
    {
        foreach (OverloadPlan.MonitorEntry monitor in _plan.Monitors)
        {
            if (monitor.Monitor.ReadPressure() is { } pressure)
            {
                _pressures[monitor.Name] = pressure;
                _cells.Set(monitor.Pressure, (long)Math.Round(pressure * 100));
            }
            else
            {
                // The last pressure stays: a file that cannot be read for a moment is no relief.
                _cells.Add(monitor.FailedUpdates);
            }
        }

        foreach (OverloadPlan.LevelEntry entry in _plan.Levels)
        {
            Set(entry);
        }

        if (_plan.State.ShrinkHeap.IsSaturated && _shrinker.IsDue(_workers.MainLoop.NowMilliseconds))
        {
            // Workers' spare buffers go first, so that the collection finds them.
            _workers.PostAll(static worker => worker.Loop.Buffers.Trim(), () => _shrinker.Shrink(_workers.MainLoop.NowMilliseconds));
        }

        if (_plan.State.CloseIdleHttpConnections.IsSaturated)
        {
            _closeIdle();
        }

        if (_plan is { TrackedPower: > 0, State.ResetHighMemoryStream.IsActive: true })
        {
            _resetStreams(new HighMemoryReset(_plan.TrackedPower, _plan.State.ResetHighMemoryStream.Value, _plan.StreamsReset));
        }
    }

    private void Set(OverloadPlan.LevelEntry entry)
    {
        double level = 0;
        foreach (OverloadTrigger trigger in entry.Triggers)
        {
            level = Math.Max(level, trigger.Level(_pressures.GetValueOrDefault(trigger.Monitor)));
        }

        bool was = entry.Level.IsSaturated;
        entry.Level.Set(level);
        _cells.Set(entry.Scale, (long)Math.Round(level * 100));
        if (entry.Active is { } active)
        {
            _cells.Set(active, entry.Level.IsSaturated ? 1 : 0);
        }

        if (was != entry.Level.IsSaturated)
        {
            Log.Warning(LogComponent.Main, entry.Level.IsSaturated
                ? $"overload: '{entry.Name}' became active"
                : $"overload: '{entry.Name}' is no longer active");
        }
    }
}
