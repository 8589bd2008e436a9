using System.Diagnostics;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Runtime.Loops;

/// <summary>
/// One thread with an epoll instance and everything that lives on it. A turn is: (1) wait, (2) read the clock, (3) handle the
/// batch of events, (4) run due timers, (5) run posted callbacks, (6) run deferred continuations, (7) tell the turn-end observers.
/// Each phase is bounded, so no peer and no thread can keep the loop from the others. Loop-affine except members named Post.
/// </summary>
public sealed class EventLoop : IDisposable
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>The longest wait, so that the millisecond count always fits the system call.</summary>
    private const long WaitMillisecondsMax = int.MaxValue;

    [ThreadStatic]
    private static EventLoop? t_current;

    // Set once.
    private readonly EventLoopOptions _options;
    private readonly ILoopClock _clock;
    private readonly bool _clockRuns;
    private readonly LoopSynchronizationContext _context;

    // Loop only.
    private readonly Epoll _epoll;
    private readonly HandlerTable _handlers = new();
    private readonly TimerWheel _wheel;
    private readonly List<ITurnEndObserver> _turnEnd = [];
    private readonly Queue<Deferred> _deferred = new();
    private readonly Queue<Deferred> _nextTurn = new();
    private string _phase = "start";
    private DateTimeOffset _wallNow;
    private bool _wallIsFresh;
    private long _nowNanoseconds;
    private bool _nowIsFresh;
    private bool _disposed;

    // Any thread.
    private readonly PostQueue _posted = new();
    private int _wakePending;
    private volatile bool _stopping;
    private Thread? _thread;

    public EventLoop(EventLoopOptions options)
    {
        _options = options;
        _clock = options.Clock;
        _clockRuns = _clock.RunsByItself;
        _context = new LoopSynchronizationContext(this);
        _epoll = new Epoll(options.EventsPerTurnMax);
        NowMilliseconds = _clock.NowNanoseconds / NanosecondsPerMillisecond;
        _wheel = new TimerWheel(NowMilliseconds);
        Buffers = new BufferPool();
        Pipes = new PipePool();
        _ = Log.EnsureStarted();
    }

    /// <summary>The loop of this thread.</summary>
    public static EventLoop Current => t_current
        ?? throw new InvalidOperationException("This code runs on a loop's thread only; Post it to the loop.");

    public static EventLoop? CurrentOrNull => t_current;

    public string Name => _options.Name;

    public bool IsCurrent => t_current == this;

    /// <summary>Coarse monotonic time, refreshed once per turn. Timers count in it.</summary>
    public long NowMilliseconds { get; private set; }

    /// <summary>
    /// Monotonic time for latencies, read at most once per callback: what one callback does happens at one moment, and five readings of
    /// the clock per request cost as much as parsing its head.
    /// </summary>
    public long NowNanoseconds
    {
        get
        {
            if (!_nowIsFresh)
            {
                _nowNanoseconds = _clock.NowNanoseconds;
                _nowIsFresh = _clockRuns;
            }

            return _nowNanoseconds;
        }
    }

    /// <summary>The clock as it is now, for what takes long within one callback.</summary>
    public long ReadClockNanoseconds() => _clock.NowNanoseconds;

    /// <summary>Coarse wall clock, read at most once per turn.</summary>
    public DateTimeOffset WallNow
    {
        get
        {
            if (!_wallIsFresh)
            {
                _wallNow = _clock.WallNow;
                _wallIsFresh = true;
            }

            return _wallNow;
        }
    }

    public BufferPool Buffers { get; }

    /// <summary>How many turns this loop has made; per-turn budgets compare it.</summary>
    public long TurnNumber { get; private set; }

    /// <summary>Registered descriptors.</summary>
    public int HandleCount => _handlers.Count;

    public int TimerCount => _wheel.Count;

    internal PipePool Pipes { get; }

    internal SynchronizationContext Context => _context;

    /// <summary>Runs the loop on a thread of its own.</summary>
    public void Start()
    {
        if (_thread is not null)
        {
            throw new InvalidOperationException($"Loop '{Name}' was started already.");
        }

        _thread = new Thread(Run) { IsBackground = true, Name = Name };
        _thread.Start();
    }

    /// <summary>Runs the loop on this thread until <see cref="PostStop"/>.</summary>
    public void Run()
    {
        using LoopBinding binding = Bind();
        while (!_stopping)
        {
            Turn(WaitMillisecondsMax);
        }
    }

    /// <summary>
    /// Makes one turn on a bound thread, waiting at most the given time for events. For loops that a caller steps by hand.
    /// </summary>
    public void RunOnce(long waitMilliseconds = 0)
    {
        AssertCurrent();
        Turn(waitMilliseconds);
    }

    /// <summary>Makes this thread the loop's until the binding is disposed: for <see cref="RunOnce"/> and for preparing a loop.</summary>
    public LoopBinding Bind()
    {
        if (t_current is not null)
        {
            throw new InvalidOperationException($"This thread belongs to loop '{t_current.Name}' already.");
        }

        // Nothing on a loop is AsyncLocal: without a context to flow, an await resumes its method directly.
        bool suppress = !ExecutionContext.IsFlowSuppressed();
        if (suppress)
        {
            ExecutionContext.SuppressFlow();
        }

        var binding = new LoopBinding(SynchronizationContext.Current, suppress);
        t_current = this;
        SynchronizationContext.SetSynchronizationContext(_context);
        RefreshClock();
        return binding;
    }

    /// <summary>Runs the callback on the loop, after those posted before it. Any thread.</summary>
    public void Post(Action<object?> callback, object? state)
    {
        _posted.Push(callback, state);
        if (!IsCurrent)
        {
            Wake();
        }
    }

    /// <summary>Ends <see cref="Run"/> after the current turn. Any thread.</summary>
    public void PostStop()
    {
        _stopping = true;
        Wake();
    }

    /// <summary>Waits for the thread of <see cref="Start"/> to end. Never from a loop's thread.</summary>
    public bool Join(TimeSpan limit) => _thread is null || _thread.Join(limit);

    public YieldAwaitable YieldAsync() => new(this);

    public DelayAwaitable DelayAsync(long milliseconds) => new(this, milliseconds);

    /// <summary>Tells the observer once, when the current turn ends.</summary>
    public void AtTurnEnd(ITurnEndObserver observer) => _turnEnd.Add(observer);

    /// <summary>Runs the callback later on this loop, at the latest in the next turn. The loop's own thread only; allocates nothing.</summary>
    public void Defer(Action<object?> callback, object? state)
    {
        AssertCurrent();
        _deferred.Enqueue(new Deferred(callback, state));
    }

    /// <summary>Runs the callback in the next turn, after its events and timers.</summary>
    internal void DeferToNextTurn(Action<object?> callback, object? state) => _nextTurn.Enqueue(new Deferred(callback, state));

    /// <summary>Closes the loop's own descriptors. Streams must be closed before.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        if (_thread is not null && !IsCurrent)
        {
            PostStop();
            _thread.Join();
        }

        _disposed = true;
        Pipes.Dispose();
        _epoll.Dispose();
    }

    /// <summary>Registers a descriptor, edge-triggered for both directions and the peer's close; 0 or the error number.</summary>
    internal int Register(int fd, IReadinessHandler handler, uint events, out ulong key)
    {
        AssertCurrent();
        key = _handlers.Add(handler);
        int errno = _epoll.Add(fd, events, key);
        if (errno != 0)
        {
            _handlers.Remove(key);
        }

        return errno;
    }

    /// <summary>Forgets a descriptor that its owner closes now; the kernel drops it from the set when the last reference closes.</summary>
    internal void Unregister(ulong key) => _handlers.Remove(key);

    /// <summary>Forgets a descriptor that stays open (it moves to another loop).</summary>
    internal void Unregister(ulong key, int fd)
    {
        _epoll.Remove(fd);
        _handlers.Remove(key);
    }

    internal void Schedule(LoopTimer timer, long deadline) => _wheel.Schedule(timer, deadline);

    internal void Cancel(LoopTimer timer) => _wheel.Cancel(timer);

    [Conditional("DEBUG")]
    internal void AssertCurrent() => Debug.Assert(IsCurrent, "Loop-affine members are called on their loop's thread only.");

    private void Turn(long waitMillisecondsMax)
    {
        try
        {
            TurnNumber++;
            int yielded = _nextTurn.Count;
            _phase = "wait";
            int count = _epoll.Wait(WaitTime(waitMillisecondsMax));
            RefreshClock();
            _phase = "events";
            for (int i = 0; i < count; i++)
            {
                ulong key = _epoll.KeyAt(i);
                if (key != Epoll.WakeKey)
                {
                    // The reading of the turn's start is the first event's.
                    _nowIsFresh &= i == 0;
                    _handlers.Find(key)?.OnReady(_epoll.EventsAt(i));
                }
            }

            _phase = "timers";
            _nowIsFresh = false;
            _wheel.Advance(NowMilliseconds, _options.TimersPerTurnMax);
            _phase = "posted callbacks";
            RunPosted();
            _phase = "deferred callbacks";
            RunDeferred(_nextTurn, yielded);
            RunDeferred(_deferred, _deferred.Count);
            _phase = "turn end";
            _nowIsFresh = false;
            RunTurnEnd();
        }
        // A loop that lost a callback half-way is in an unknown state: ending with context beats serving wrongly.
        catch (Exception exception) when (_options.OnUncaught is null)
        {
            Environment.FailFast($"Loop '{Name}' ended by an uncaught exception while handling {_phase}: {exception.Message}", exception);
        }
        catch (Exception exception)
        {
            _options.OnUncaught!(exception);
        }
    }

    private int WaitTime(long limitMilliseconds)
    {
        // Ask for wake-ups first, then look: a post or stop that comes between sees the flag clear and writes the eventfd.
        Volatile.Write(ref _wakePending, 0);
        Interlocked.MemoryBarrier();
        if (_deferred.Count > 0 || _nextTurn.Count > 0 || _turnEnd.Count > 0 || _stopping || !_posted.IsEmpty)
        {
            return 0;
        }

        long wait = limitMilliseconds;
        if (_wheel.TryGetNextDeadline(out long deadline))
        {
            long until = Math.Max(0, deadline - NowMilliseconds);
            if (_clockRuns || until == 0)
            {
                wait = Math.Min(wait, until);
            }
        }

        return wait >= WaitMillisecondsMax ? -1 : (int)wait;
    }

    private void RefreshClock()
    {
        _nowNanoseconds = _clock.NowNanoseconds;
        _nowIsFresh = _clockRuns;
        NowMilliseconds = _nowNanoseconds / NanosecondsPerMillisecond;
        _wallIsFresh = false;
    }

    private void RunPosted()
    {
        for (int i = 0; i < _options.CallbacksPerTurnMax && _posted.TryTake(out Action<object?> callback, out object? state); i++)
        {
            _nowIsFresh = false;
            callback(state);
        }
    }

    private void RunDeferred(Queue<Deferred> queue, int count)
    {
        // Only what was counted: a callback that defers itself again waits for the next turn.
        for (int left = Math.Min(count, _options.CallbacksPerTurnMax); left > 0; left--)
        {
            Deferred deferred = queue.Dequeue();
            _nowIsFresh = false;
            deferred.Callback(deferred.State);
        }
    }

    private void RunTurnEnd()
    {
        int count = _turnEnd.Count;
        if (count == 0)
        {
            return;
        }

        for (int i = 0; i < count; i++)
        {
            _turnEnd[i].OnTurnEnd();
        }

        _turnEnd.RemoveRange(0, count);
    }

    private void Wake()
    {
        // One write per sleep is enough; the flag is cleared by the loop before it looks at the queue.
        if (Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            _epoll.Wake();
        }
    }

    private readonly record struct Deferred(Action<object?> Callback, object? State);

    /// <summary>A thread's membership in a loop; disposing ends it.</summary>
    public readonly struct LoopBinding : IDisposable
    {
        private readonly SynchronizationContext? _previous;
        private readonly bool _restoresFlow;

        internal LoopBinding(SynchronizationContext? previous, bool restoresFlow)
        {
            _previous = previous;
            _restoresFlow = restoresFlow;
        }

        public void Dispose()
        {
            if (_restoresFlow && ExecutionContext.IsFlowSuppressed())
            {
                ExecutionContext.RestoreFlow();
            }

            t_current = null;
            SynchronizationContext.SetSynchronizationContext(_previous);
        }
    }
}
