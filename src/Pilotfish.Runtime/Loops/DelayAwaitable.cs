using System.Runtime.CompilerServices;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Runtime.Loops;

/// <summary>Resumes after a time. Allocates a timer: for slow paths only.</summary>
public readonly struct DelayAwaitable : ICriticalNotifyCompletion
{
    private static readonly Action<object?> s_run = static state => ((Action)state!)();

    private readonly EventLoop _loop;
    private readonly long _milliseconds;

    internal DelayAwaitable(EventLoop loop, long milliseconds)
    {
        _loop = loop;
        _milliseconds = milliseconds;
    }

    public bool IsCompleted => false;

    public DelayAwaitable GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation) => new LoopTimer(_loop, s_run, continuation).Schedule(_milliseconds);
}
