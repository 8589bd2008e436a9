using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// The checks of one host: one at a time, each within the timeout, the next after an interval that depends on how the last went.
/// Main loop.
/// </summary>
/// <remarks>
/// A host comes in as failed and its first success takes it up at once. Later it goes down at the unhealthy threshold (at once when
/// it answers wrongly) and up at the healthy one.
/// </remarks>
internal sealed class HealthCheckSession
{
    private readonly ActiveHealthChecker _checker;
    private readonly HealthProbe _probe;
    private readonly LoopTimer _next;
    private readonly LoopTimer _timeout;
    private uint _healthyRun;
    private uint _unhealthyRun;
    private bool _timedOut;
    private bool _ended;

    public HealthCheckSession(ActiveHealthChecker checker, Host host, HealthProbe probe)
    {
        _checker = checker;
        Host = host;
        _probe = probe;
        _next = new LoopTimer(checker.Loop, static state => ((HealthCheckSession)state!).Check(), this);
        _timeout = new LoopTimer(checker.Loop, static state => ((HealthCheckSession)state!).OnTimeout(), this);
    }

    public Host Host { get; }

    /// <summary>Whether one check has ended, however it went.</summary>
    public bool IsChecked { get; private set; }

    public void Start(long delayMilliseconds)
    {
        if (delayMilliseconds > 0)
        {
            _next.Schedule(delayMilliseconds);
        }
        else
        {
            Check();
        }
    }

    public void End()
    {
        _ended = true;
        _next.Cancel();
        _timeout.Cancel();
        _probe.Abort();
    }

    /// <summary>The host itself says so, beside its checks: it is down and counts neither as healthy nor as missing until it passes again.</summary>
    public void FailNow()
    {
        _checker.Count(_checker.Stats.Failure);
        _checker.Count(_checker.Stats.PassiveFailure);
        _healthyRun = 0;
        IsChecked = true;
        bool changed = Host.SetHealth(HostHealth.PendingActiveHealthCheck, on: false);
        changed |= Host.SetHealth(HostHealth.FailedActiveHealthCheck | HostHealth.ExcludedViaImmediateHealthCheckFailure, on: true);
        _checker.OnChecked(this, passed: false, changed);
    }

    private async void Check()
    {
        _checker.Count(_checker.Stats.Attempt);
        _timedOut = false;
        _timeout.Schedule(_checker.Policy.TimeoutMilliseconds);
        ProbeResult result = await _probe.CheckAsync();
        _timeout.Cancel();
        if (_ended)
        {
            return;
        }

        bool passed = result is ProbeResult.Healthy or ProbeResult.Degraded;
        HealthChange change = passed ? OnSuccess(result) : OnFailure(result);
        IsChecked = true;
        _checker.OnChecked(this, passed, change == HealthChange.Changed);
        if (!_ended)
        {
            _next.Schedule(_checker.NextInterval(passed, change == HealthChange.Pending));
        }
    }

    private void OnTimeout()
    {
        _timedOut = true;
        _probe.Abort();
    }

    private HealthChange OnSuccess(ProbeResult result)
    {
        _checker.Count(_checker.Stats.Success);
        _unhealthyRun = 0;
        HealthChange change = HealthChange.None;
        if ((Host.Health & HostHealth.FailedActiveHealthCheck) != 0)
        {
            Host.CameBack(_checker.Loop.NowMilliseconds);

            // The first result decides at once: a host that just came should not wait for a threshold.
            if (IsChecked && ++_healthyRun < _checker.Policy.HealthyThreshold)
            {
                return HealthChange.Pending;
            }

            change = HealthChange.Changed;
        }

        _healthyRun = 0;
        bool changed = Host.SetHealth(
            HostHealth.FailedActiveHealthCheck | HostHealth.ActiveHealthCheckTimeout | HostHealth.PendingActiveHealthCheck
            | HostHealth.ExcludedViaImmediateHealthCheckFailure, on: false);
        changed |= Host.SetHealth(HostHealth.DegradedActiveHealthCheck, on: result == ProbeResult.Degraded);
        return changed ? HealthChange.Changed : change;
    }

    private HealthChange OnFailure(ProbeResult result)
    {
        _checker.Count(_checker.Stats.Failure);
        if (result == ProbeResult.Network)
        {
            _checker.Count(_checker.Stats.NetworkFailure);
        }
        else if (result == ProbeResult.WrongService)
        {
            _checker.Count(_checker.Stats.VerifyCluster);
        }

        _healthyRun = 0;
        bool changed = Host.SetHealth(HostHealth.PendingActiveHealthCheck, on: false);
        if ((Host.Health & HostHealth.FailedActiveHealthCheck) == 0)
        {
            bool counts = result is ProbeResult.Network or ProbeResult.Retriable;
            if (counts && ++_unhealthyRun < _checker.Policy.UnhealthyThreshold)
            {
                return HealthChange.Pending;
            }

            Host.SetHealth(HostHealth.FailedActiveHealthCheck, on: true);
            changed = true;
        }

        if (_probe.IsToldToExclude)
        {
            changed |= Host.SetHealth(HostHealth.ExcludedViaImmediateHealthCheckFailure, on: true);
        }

        changed |= Host.SetHealth(HostHealth.ActiveHealthCheckTimeout, on: _timedOut);
        return changed ? HealthChange.Changed : HealthChange.None;
    }
}
