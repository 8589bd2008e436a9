using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// What outlier detection knows of one host. Workers report results with atomics; when a run of failures is complete the
/// cluster's detector is told on the main loop, which alone ejects.
/// </summary>
public sealed class HostMonitor(Host host)
{
    // 504 and 503 stand for failures without a status when the policy does not split local origin.
    private const int TimeoutStatus = 504;
    private const int ConnectFailedStatus = 503;
    private const int OkStatus = 200;

    // Any thread, atomically.
    private int _consecutive5xx;
    private int _consecutiveGateway;
    private int _consecutiveLocal;
    private long _externalSuccesses;
    private long _externalTotal;
    private long _localSuccesses;
    private long _localTotal;
    private long _succeeded;
    private long _failed;
    private long _timedOut;
    private volatile OutlierDetector? _detector;
    private volatile ActiveHealthChecker? _checker;

    public Host Host { get; } = host;

    /// <summary>Requests answered below 500.</summary>
    public long Succeeded => Interlocked.Read(ref _succeeded);

    /// <summary>Requests answered with 5xx or reset.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Requests given up for their time.</summary>
    public long TimedOut => Interlocked.Read(ref _timedOut);

    /// <summary>A response came with this status.</summary>
    public void OnStatus(int status, long nowMilliseconds)
    {
        Interlocked.Increment(ref status < 500 ? ref _succeeded : ref _failed);
        Judge(status, nowMilliseconds);
    }

    /// <summary>
    /// A TCP connection, or a tunnel that stands for one, is open: where local origin is not split that is the success which ends a run of
    /// failures, since no status will come.
    /// </summary>
    public void OnTcpConnected(long nowMilliseconds)
    {
        if (_detector is { Policy.SplitsLocalOrigin: false })
        {
            Judge(OkStatus, nowMilliseconds);
        }
    }

    /// <summary>The host answered a request with x-envoy-immediate-health-check-fail: it is down at once if it is actively checked.</summary>
    public void OnImmediateFailure() => _checker?.PostImmediateFailure(Host);

    private void Judge(int status, long nowMilliseconds)
    {
        if (_detector is not { } detector)
        {
            return;
        }

        Count(ref _externalSuccesses, ref _externalTotal, status < 500);
        if (status < 500)
        {
            Volatile.Write(ref _consecutive5xx, 0);
            Volatile.Write(ref _consecutiveGateway, 0);
            return;
        }

        OutlierPolicy policy = detector.Policy;
        if (status is 502 or 503 or 504)
        {
            Step(ref _consecutiveGateway, policy.ConsecutiveGatewayFailure, detector, OutlierKind.ConsecutiveGatewayFailure);
        }
        else
        {
            Volatile.Write(ref _consecutiveGateway, 0);
        }

        Step(ref _consecutive5xx, policy.Consecutive5xx, detector, OutlierKind.Consecutive5xx);
        _ = nowMilliseconds;
    }

    /// <summary>Something without a status happened.</summary>
    public void OnResult(OutlierResult result, long nowMilliseconds)
    {
        if (result == OutlierResult.RequestReset)
        {
            Interlocked.Increment(ref _failed);
        }
        else if (result == OutlierResult.RequestTimeout)
        {
            Interlocked.Increment(ref _timedOut);
        }

        if (_detector is not { } detector)
        {
            return;
        }

        if (!detector.Policy.SplitsLocalOrigin)
        {
            // A mere connect is no proof of health: only answers reset the run of failures.
            if (result != OutlierResult.LocalConnectSuccess)
            {
                bool timeout = result is OutlierResult.LocalConnectTimeout or OutlierResult.RequestTimeout;
                Judge(timeout ? TimeoutStatus : ConnectFailedStatus, nowMilliseconds);
            }

            return;
        }

        bool success = result == OutlierResult.LocalConnectSuccess;
        Count(ref _localSuccesses, ref _localTotal, success);
        if (success)
        {
            Volatile.Write(ref _consecutiveLocal, 0);
        }
        else
        {
            Step(ref _consecutiveLocal, detector.Policy.ConsecutiveLocalOriginFailure, detector, OutlierKind.ConsecutiveLocalOriginFailure);
        }
    }

    // Main loop only.
    internal long EjectedAtMilliseconds { get; set; }
    internal long EjectedForMilliseconds { get; set; }
    internal long UnejectedAtMilliseconds { get; set; }
    internal int EjectionCount { get; set; }
    internal bool IsEjected { get; set; }

    /// <summary>Percent over the last interval; -1 while too few requests or hosts give none.</summary>
    internal double SuccessRate { get; set; } = -1;
    internal double LocalOriginSuccessRate { get; set; } = -1;

    internal void Attach(OutlierDetector? detector) => _detector = detector;

    internal void Attach(ActiveHealthChecker? checker) => _checker = checker;

    internal void ResetRuns()
    {
        Volatile.Write(ref _consecutive5xx, 0);
        Volatile.Write(ref _consecutiveGateway, 0);
        Volatile.Write(ref _consecutiveLocal, 0);
    }

    /// <summary>Takes the interval's counts, which then start over.</summary>
    internal (long Successes, long Total) TakeExternal() => Take(ref _externalSuccesses, ref _externalTotal);

    internal (long Successes, long Total) TakeLocal() => Take(ref _localSuccesses, ref _localTotal);

    private static (long Successes, long Total) Take(ref long successes, ref long total) =>
        (Interlocked.Exchange(ref successes, 0), Interlocked.Exchange(ref total, 0));

    private static void Count(ref long successes, ref long total, bool success)
    {
        Interlocked.Increment(ref total);
        if (success)
        {
            Interlocked.Increment(ref successes);
        }
    }

    private void Step(ref int run, uint threshold, OutlierDetector detector, OutlierKind kind)
    {
        // Only the step that completes the run reports; the run starts over so that the next one reports again.
        if (threshold > 0 && Interlocked.Increment(ref run) == threshold)
        {
            Volatile.Write(ref run, 0);
            detector.PostDetected(this, kind);
        }
    }
}
