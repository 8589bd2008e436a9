using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Gives memory back once after the start, and after large pushes, each time when the control plane has been quiet for a while:
/// a push needs several times the memory of what is kept of it. Main loop.
/// </summary>
internal sealed class MemoryReturn : IDisposable
{
    // Longer than a control plane pauses between the parts of one push, shorter than a person waits to look.
    internal const long QuietMilliseconds = 2_000;

    // Below it the youngest generation, 2 MB, has the waste already, and a pause of milliseconds would buy nothing.
    internal const long LargePushBytes = 512 * 1024;

    private readonly LoopTimer _timer;
    private long _pushedBytes;
    private bool _isDue;

    public MemoryReturn(EventLoop loop, Action giveBack) => _timer = new LoopTimer(
        loop,
        _ =>
        {
            _isDue = false;
            _pushedBytes = 0;
            giveBack();
        },
        null);

    /// <summary>The process serves: what start-up needed may go.</summary>
    public void OnStarted()
    {
        _isDue = true;
        _timer.Schedule(QuietMilliseconds);
    }

    public void OnPush(long bytes)
    {
        _pushedBytes += bytes;
        _isDue |= _pushedBytes >= LargePushBytes;
        if (_isDue)
        {
            _timer.Schedule(QuietMilliseconds);
        }
    }

    public void Dispose() => _timer.Cancel();
}
