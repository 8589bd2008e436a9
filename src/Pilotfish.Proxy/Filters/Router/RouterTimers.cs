using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The timers of one router: made when a request first needs them, kept with the router.</summary>
internal sealed class RouterTimers(RouterFilter router, EventLoop loop)
{
    private readonly LoopTimer _global = new(loop, static state => ((RouterFilter)state!).GlobalTimeout(), router);
    private readonly LoopTimer _try = new(loop, static state => ((RouterFilter)state!).TryTimeout(), router);
    private readonly LoopTimer _backOff = new(loop, static state => ((RouterFilter)state!).Attempt(), router);

    public void Global(long milliseconds) => _global.Schedule(milliseconds);

    public void Try(long milliseconds) => _try.Schedule(milliseconds);

    public void BackOff(long milliseconds) => _backOff.Schedule(milliseconds);

    public void CancelTry() => _try.Cancel();

    public void CancelBackOff() => _backOff.Cancel();

    /// <summary>The global timeout goes on while a response's body is on its way.</summary>
    public void Stop(bool keepGlobal = false)
    {
        _try.Cancel();
        _backOff.Cancel();
        if (!keepGlobal)
        {
            _global.Cancel();
        }
    }
}
