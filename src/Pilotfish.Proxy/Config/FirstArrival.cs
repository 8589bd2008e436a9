using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Passes resources on and tells once when the first response was applied (even if it was refused in part) or its time is
/// over; the start-up waits for that. Main loop.
/// </summary>
internal sealed class FirstArrival : IResourceCollection, IDisposable
{
    private readonly IResourceCollection _inner;
    private readonly LoopTimer? _timer;
    private Action? _then;
    private IDisposable? _subscription;

    /// <param name="loop">The main loop.</param>
    /// <param name="inner">The owner of the resources.</param>
    /// <param name="limitMilliseconds">initial_fetch_timeout; 0 waits for ever.</param>
    /// <param name="onTimeout">Counts the timeout.</param>
    /// <param name="then">Runs once.</param>
    public FirstArrival(EventLoop loop, IResourceCollection inner, long limitMilliseconds, Action onTimeout, Action then)
    {
        _inner = inner;
        _then = then;
        if (limitMilliseconds > 0)
        {
            _timer = new LoopTimer(
                loop,
                _ =>
                {
                    onTimeout();
                    Arrived();
                },
                null);
            _timer.Schedule(limitMilliseconds);
        }
    }

    /// <summary>The subscription ends with this.</summary>
    public void Follow(IDisposable subscription) => _subscription = subscription;

    public void Dispose()
    {
        _timer?.Cancel();
        _then = null;
        _subscription?.Dispose();
    }

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        _inner.Apply(added, removed, rejected);
        Arrived();
    }

    private void Arrived()
    {
        _timer?.Cancel();
        Action? then = _then;
        _then = null;
        then?.Invoke();
    }
}
