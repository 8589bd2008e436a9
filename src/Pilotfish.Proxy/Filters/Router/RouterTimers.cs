using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The timers of one router: made when a request first needs them, kept with the router.</summary>
internal sealed class RouterTimers(RouterFilter router, EventLoop loop)
{
    private readonly LoopTimer _global = new(loop, static state => ((RouterFilter)state!).GlobalTimeout(), router);
    private readonly LoopTimer _try = new(loop, static state => ((RouterFilter)state!).TryTimeout(), router);
    private readonly LoopTimer _tryIdle = new(loop, static state => ((RouterFilter)state!).TryIdleTimeout(), router);
    private readonly LoopTimer _duration = new(loop, static state => ((RouterFilter)state!).StreamDurationReached(), router);
    private readonly LoopTimer _backOff = new(loop, static state => ((RouterFilter)state!).Attempt(), router);

    public void Global(long milliseconds) => _global.Schedule(milliseconds);

    public void Try(long milliseconds) => _try.Schedule(milliseconds);

    public void TryIdle(long milliseconds) => _tryIdle.Schedule(milliseconds);

    public void Duration(long milliseconds) => _duration.Schedule(milliseconds);

    public void BackOff(long milliseconds) => _backOff.Schedule(milliseconds);

    /// <summary>The attempt is over; the request is not.</summary>
    public void CancelAttempt()
    {
        _try.Cancel();
        _tryIdle.Cancel();
        _duration.Cancel();
    }

    public void CancelBackOff() => _backOff.Cancel();

    /// <summary>What bounds the whole exchange goes on while a response's body is on its way.</summary>
    public void Stop(bool keepGlobal = false)
    {
        _try.Cancel();
        _backOff.Cancel();
        if (!keepGlobal)
        {
            _global.Cancel();
            _tryIdle.Cancel();
            _duration.Cancel();
        }
    }
}
