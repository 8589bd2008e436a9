using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// Ejects the outliers of one cluster and takes them back. Main loop, so that the share of ejected hosts is exact over all
/// workers.
/// </summary>
public sealed class OutlierDetector
{
    private readonly EventLoop _loop;
    private readonly WorkerRandom _random;
    private readonly StatCells _cells;
    private readonly StatScope _scope;
    private readonly OutlierStats _stats;
    private readonly Action<Host> _healthChanged;
    private readonly LoopTimer _timer;
    private IReadOnlyList<Host> _hosts = [];
    private readonly OutlierPolicy _configured;
    private volatile OutlierPolicy _policy;
    private bool _closed;

    /// <param name="policy">The cluster's rules.</param>
    /// <param name="loop">The main loop.</param>
    /// <param name="random">For enforcement percentages and jitter.</param>
    /// <param name="scope">The cluster's statistics.</param>
    /// <param name="healthChanged">Publishes a host set after a host's flags changed.</param>
    /// <param name="runtime">What counts in place of the rules, where it says something of outlier detection.</param>
    internal OutlierDetector(OutlierPolicy policy, EventLoop loop, WorkerRandom random, StatScope scope, Action<Host> healthChanged,
        RuntimeValues runtime)
    {
        _configured = policy;
        _policy = policy.With(runtime);
        _loop = loop;
        _random = random;
        _cells = scope.Store.Main;
        _scope = scope.Scope("outlier_detection");
        _stats = new OutlierStats(_scope);
        _healthChanged = healthChanged;
        _timer = new LoopTimer(loop, static state => ((OutlierDetector)state!).OnInterval(), this);
        _timer.Schedule(Policy.IntervalMilliseconds);
    }

    /// <summary>The rules of this moment; any thread.</summary>
    public OutlierPolicy Policy => _policy;

    internal int EjectedCount { get; private set; }

    /// <summary>Mean and threshold of the last interval's success rates in percent; -1 while too few hosts give one.</summary>
    internal (double Average, double Threshold) SuccessRate { get; private set; } = (-1, -1);

    internal (double Average, double Threshold) LocalOriginSuccessRate { get; private set; } = (-1, -1);

    internal void SetSuccessRates(bool local, double average, double threshold)
    {
        if (local)
        {
            LocalOriginSuccessRate = (average, threshold);
        }
        else
        {
            SuccessRate = (average, threshold);
        }

        if (average < 0)
        {
            foreach (Host host in _hosts)
            {
                _ = local ? host.Monitor.LocalOriginSuccessRate = -1 : host.Monitor.SuccessRate = -1;
            }
        }
    }

    /// <summary>The runtime has other values; a new interval counts from the next one on.</summary>
    internal void Apply(RuntimeValues runtime) => _policy = _configured.With(runtime);

    internal void SetHosts(IReadOnlyList<Host> hosts)
    {
        foreach (Host gone in _hosts)
        {
            if (gone.Monitor.IsEjected && !Contains(hosts, gone))
            {
                gone.Monitor.IsEjected = false;
                gone.Monitor.Attach((OutlierDetector?)null);
                SetEjectedCount(EjectedCount - 1);
            }
        }

        _hosts = hosts;
        foreach (Host host in hosts)
        {
            host.Monitor.Attach(this);
        }
    }

    internal void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _timer.Cancel();
        foreach (Host host in _hosts)
        {
            host.Monitor.Attach((OutlierDetector?)null);
        }

        SetEjectedCount(0);
        _scope.Dispose();
    }

    /// <summary>Any thread.</summary>
    internal void PostDetected(HostMonitor monitor, OutlierKind kind) =>
        _loop.Post(static state =>
        {
            (OutlierDetector detector, HostMonitor monitor, OutlierKind kind) = ((OutlierDetector, HostMonitor, OutlierKind))state!;
            detector.OnDetected(monitor, kind);
        }, (this, monitor, kind));

    internal void OnDetected(HostMonitor monitor, OutlierKind kind)
    {
        if (_closed || monitor.IsEjected)
        {
            return;
        }

        _cells.Add(_stats.Detected(kind));
        if (!MayEject())
        {
            _cells.Add(_stats.Overflow);
            return;
        }

        if (Enforcing(kind) <= _random.NextBelow(100))
        {
            return;
        }

        Eject(monitor);
        _cells.Add(_stats.EnforcedTotal);
        _cells.Add(_stats.Enforced(kind));
    }

    /// <summary>A successful active health check takes an ejected host back.</summary>
    internal void Uneject(HostMonitor monitor)
    {
        if (!monitor.IsEjected)
        {
            return;
        }

        monitor.IsEjected = false;
        monitor.UnejectedAtMilliseconds = _loop.NowMilliseconds;
        monitor.ResetRuns();
        SetEjectedCount(EjectedCount - 1);
        if (monitor.Host.SetHealth(HostHealth.FailedOutlierCheck, on: false))
        {
            _healthChanged(monitor.Host);
        }
    }

    internal void OnInterval()
    {
        long now = _loop.NowMilliseconds;
        foreach (Host host in _hosts)
        {
            HostMonitor monitor = host.Monitor;
            if (monitor.IsEjected)
            {
                if (now - monitor.EjectedAtMilliseconds >= monitor.EjectedForMilliseconds)
                {
                    Uneject(monitor);
                }
            }
        }

        SuccessRates.Evaluate(this, _hosts);
        foreach (Host host in _hosts)
        {
            // A host that came back must serve for a whole interval before it is trusted more.
            HostMonitor monitor = host.Monitor;
            if (!monitor.IsEjected && monitor.EjectionCount > 0 && now - monitor.UnejectedAtMilliseconds >= Policy.IntervalMilliseconds)
            {
                monitor.EjectionCount--;
            }
        }

        _timer.Schedule(Policy.IntervalMilliseconds);
    }

    private void Eject(HostMonitor monitor)
    {
        monitor.IsEjected = true;
        monitor.EjectedAtMilliseconds = _loop.NowMilliseconds;
        long longest = Policy.EjectionMaxMilliseconds;

        // Beyond the longest time the count would only be more to work off.
        if (monitor.EjectionCount * Policy.BaseEjectionMilliseconds < longest + Policy.BaseEjectionMilliseconds)
        {
            monitor.EjectionCount++;
        }

        long time = Math.Min(longest, Policy.BaseEjectionMilliseconds * monitor.EjectionCount);
        long jitter = Policy.EjectionJitterMilliseconds > 0
            ? _random.NextBelow((int)Math.Min(int.MaxValue, Policy.EjectionJitterMilliseconds + 1))
            : 0;
        monitor.EjectedForMilliseconds = time + jitter;
        SetEjectedCount(EjectedCount + 1);
        if (monitor.Host.SetHealth(HostHealth.FailedOutlierCheck, on: true))
        {
            _healthChanged(monitor.Host);
        }
    }

    private bool MayEject()
    {
        if (Policy.AlwaysEjectOneHost && EjectedCount == 0)
        {
            return true;
        }

        // The share counts the host about to go: with 10 % and nine hosts none may be ejected.
        return _hosts.Count > 0 && (EjectedCount + 1) * 100.0 / _hosts.Count <= Math.Min(100, Policy.EjectionPercentMax);
    }

    private uint Enforcing(OutlierKind kind) => kind switch
    {
        OutlierKind.Consecutive5xx => Policy.Enforcing5xx,
        OutlierKind.ConsecutiveGatewayFailure => Policy.EnforcingGatewayFailure,
        OutlierKind.ConsecutiveLocalOriginFailure => Policy.EnforcingLocalOriginFailure,
        OutlierKind.SuccessRate => Policy.EnforcingSuccessRate,
        OutlierKind.LocalOriginSuccessRate => Policy.EnforcingLocalOriginSuccessRate,
        OutlierKind.FailurePercentage => Policy.EnforcingFailurePercentage,
        _ => Policy.EnforcingFailurePercentageLocalOrigin,
    };

    private void SetEjectedCount(int count)
    {
        EjectedCount = count;
        _cells.Set(_stats.Active, count);
    }

    private static bool Contains(IReadOnlyList<Host> hosts, Host host)
    {
        foreach (Host candidate in hosts)
        {
            if (candidate == host)
            {
                return true;
            }
        }

        return false;
    }
}
