using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The timers of one router that are not those of an attempt: made when a request first needs them, kept with the router.</summary>
internal sealed class RouterTimers(RouterFilter router, EventLoop loop)
{
    private readonly LoopTimer _global = new(loop, static state => ((RouterFilter)state!).GlobalTimeout(), router);
    private readonly LoopTimer _backOff = new(loop, static state => ((RouterFilter)state!).Retry(), router);

    public void Global(long milliseconds) => _global.Schedule(milliseconds);

    public void BackOff(long milliseconds) => _backOff.Schedule(milliseconds);

    public void CancelGlobal() => _global.Cancel();

    public void CancelBackOff() => _backOff.Cancel();

    public void Stop()
    {
        _global.Cancel();
        _backOff.Cancel();
    }
}
