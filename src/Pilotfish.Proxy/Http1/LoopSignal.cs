using System.Threading.Tasks.Sources;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Http1;

/// <summary>A reusable event that one reader waits for. Set before the wait it is remembered; the reader goes on later in the turn.</summary>
internal sealed class LoopSignal(EventLoop loop) : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private bool _waiting;
    private bool _set;

    public ValueTask WaitAsync()
    {
        if (_set)
        {
            _set = false;
            return default;
        }

        _waiting = true;
        _core.Reset();
        return new ValueTask(this, _core.Version);
    }

    public void Set()
    {
        if (!_waiting)
        {
            _set = true;
            return;
        }

        _waiting = false;
        loop.Defer(static state => ((LoopSignal)state!)._core.SetResult(true), this);
    }

    /// <summary>Forgets a set that nobody waited for.</summary>
    public void Clear() => _set = false;

    public void GetResult(short token) => _core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
}
