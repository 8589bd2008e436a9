using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Gives memory back once after the start, after large pushes when the control plane has been quiet for a while (a push needs several
/// times the memory of what is kept of it), and after load that left the process larger than it was before. Main loop.
/// </summary>
internal sealed class MemoryReturn : IDisposable
{
    // Longer than a control plane pauses between the parts of one push, shorter than a person waits to look.
    internal const long QuietMilliseconds = 2_000;

    // Below it the youngest generation, 2 MB, has the waste already, and a pause of milliseconds would buy nothing.
    internal const long LargePushBytes = 512 * 1024;

    // How often load is looked for. An idle process asks the kernel for its processor time and does nothing else.
    internal const long LookMilliseconds = 10_000;

    // Below 1 % of a core a pause of 1 to 11 ms meets a request in some ten; above it there is still work that needs the memory.
    internal static readonly TimeSpan QuietWork = TimeSpan.FromMilliseconds(LookMilliseconds / 100);

    // 64 busy connections leave 1 MB of reusable buffers, which the next load would need again: no reason for a collection.
    internal const long LargeGrowthBytes = 4 * 1024 * 1024;

    private readonly LoopTimer _timer;
    private readonly LoopTimer _look;
    private readonly Action<Action> _giveBack;
    private readonly MemoryReadings _readings;
    private long _pushedBytes;
    private bool _isDue;
    private TimeSpan _workBefore;
    private bool _worked;
    private long _floorBytes;

    /// <param name="loop">The main loop.</param>
    /// <param name="giveBack">Gives back and then calls what it is given, on the main loop.</param>
    /// <param name="readings">What the process uses.</param>
    public MemoryReturn(EventLoop loop, Action<Action> giveBack, MemoryReadings readings)
    {
        _giveBack = giveBack;
        _readings = readings;
        _timer = new LoopTimer(loop, static state => ((MemoryReturn)state!).GiveBack(), this);
        _look = new LoopTimer(loop, static state => ((MemoryReturn)state!).Look(), this);
    }

    /// <summary>The process serves: what start-up needed may go.</summary>
    public void OnStarted()
    {
        _isDue = true;
        _timer.Schedule(QuietMilliseconds);
        _look.Schedule(LookMilliseconds);
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

    public void Dispose()
    {
        _timer.Cancel();
        _look.Cancel();
    }

    private void Look()
    {
        TimeSpan work = _readings.ProcessorTime();
        bool quiet = work - _workBefore < QuietWork;
        _workBefore = work;
        if (!quiet)
        {
            _worked = true;
        }
        else if (_worked)
        {
            _worked = false;
            if (_readings.OwnBytes() >= _floorBytes + LargeGrowthBytes)
            {
                GiveBack();
            }
        }

        _look.Schedule(LookMilliseconds);
    }

    private void GiveBack()
    {
        _isDue = false;
        _pushedBytes = 0;
        _giveBack(() => _floorBytes = _readings.OwnBytes());
    }
}
