using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The timers of one attempt: made when a config first asks for one, kept with the attempt. One loop.</summary>
internal sealed class AttemptTimers
{
    private readonly RouterFilter _router;
    private readonly UpstreamAttempt _attempt;
    private readonly LoopTimer _try;
    private readonly LoopTimer _idle;
    private readonly LoopTimer _duration;

    public AttemptTimers(RouterFilter router, UpstreamAttempt attempt)
    {
        _router = router;
        _attempt = attempt;
        _try = new LoopTimer(router.Loop, static state => ((AttemptTimers)state!).TryFired(), this);
        _idle = new LoopTimer(router.Loop, static state => ((AttemptTimers)state!).IdleFired(), this);
        _duration = new LoopTimer(router.Loop, static state => ((AttemptTimers)state!).DurationFired(), this);
    }

    public void Try(long milliseconds) => _try.Schedule(milliseconds);

    public void Idle(long milliseconds) => _idle.Schedule(milliseconds);

    public void Duration(long milliseconds) => _duration.Schedule(milliseconds);

    public void CancelTry() => _try.Cancel();

    public void Stop()
    {
        _try.Cancel();
        _idle.Cancel();
        _duration.Cancel();
    }

    private void TryFired() => _router.TryTimeout(_attempt);

    private void IdleFired() => _router.TryIdleTimeout(_attempt);

    private void DurationFired() => _router.StreamDurationReached(_attempt);
}
