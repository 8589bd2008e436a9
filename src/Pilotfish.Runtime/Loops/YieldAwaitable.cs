using System.Runtime.CompilerServices;

namespace Pilotfish.Runtime.Loops;

/// <summary>Resumes in the next turn, after the sockets had a look in.</summary>
public readonly struct YieldAwaitable : ICriticalNotifyCompletion
{
    private static readonly Action<object?> s_run = static state => ((Action)state!)();

    private readonly EventLoop _loop;

    internal YieldAwaitable(EventLoop loop) => _loop = loop;

    public bool IsCompleted => false;

    public YieldAwaitable GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation) => _loop.DeferToNextTurn(s_run, continuation);
}
