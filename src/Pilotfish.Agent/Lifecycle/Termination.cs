using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>
/// The way from a signal to the end. Loop-affine.
/// <code>
/// Serving --signal--> Draining --time or last connection--> Ended
///    |                   |
///    +--/drain--> Drained +--second signal--> Ended
///    |               |
///    +--/quit--> Ended <--signal--+
/// </code>
/// </summary>
public sealed class Termination
{
    /// <summary>How often connections are counted; Istio's agent asks its proxy as often.</summary>
    private const long CountMilliseconds = 1000;

    private readonly EventLoop _loop;
    private readonly IDataPlane _dataPlane;
    private readonly TerminationOptions _options;
    private readonly Action _end;
    private readonly LoopTimer _timer;
    private State _state;

    /// <param name="loop">The main loop.</param>
    /// <param name="dataPlane">What drains.</param>
    /// <param name="options">How long.</param>
    /// <param name="end">Called once, when the process shall end.</param>
    public Termination(EventLoop loop, IDataPlane dataPlane, TerminationOptions options, Action end)
    {
        _loop = loop;
        _dataPlane = dataPlane;
        _options = options;
        _end = end;
        _timer = new LoopTimer(loop, static state => ((Termination)state!).OnTimer(), this);
    }

    private enum State
    {
        Serving,
        Drained,
        Draining,
        Ended,
    }

    /// <summary>SIGTERM or SIGINT.</summary>
    public void OnSignal()
    {
        switch (_state)
        {
            case State.Serving:
                BeginDrain();
                break;
            case State.Drained or State.Draining:
                End("a signal came after the drain had begun");
                break;
        }
    }

    /// <summary>
    /// /drain, from the container's preStop hook: inbound drains while the application still runs. The signal that follows, with
    /// all applications gone, ends at once.
    /// </summary>
    public void Drain()
    {
        if (_state == State.Serving)
        {
            _state = State.Drained;
            _dataPlane.DrainInbound();
        }
    }

    /// <summary>/quitquitquit: a job's work is done, nothing is left to drain.</summary>
    public void Quit()
    {
        // In the next turn, so that the answer to the request still leaves.
        _loop.Defer(static state => ((Termination)state!).End("/quitquitquit was called"), this);
    }

    private void BeginDrain()
    {
        _state = State.Draining;
        _dataPlane.DrainInbound();
        TimeSpan wait = _options.WaitForConnections ? _options.MinimumDrainDuration : _options.DrainDuration;
        Log.Info(LogComponent.Agent, $"Draining for {wait.TotalSeconds} s{(_options.WaitForConnections ? ", then until no connection is left" : "")}.");
        _timer.Schedule((long)wait.TotalMilliseconds);
    }

    private void OnTimer()
    {
        if (_state != State.Draining)
        {
            return;
        }

        if (!_options.WaitForConnections)
        {
            End("the drain time is over");
        }
        else if (_dataPlane.ActiveConnections is not (null or 0) and { } active)
        {
            Log.Info(LogComponent.Agent, $"{active} connections are active, waiting for them.");
            _timer.Schedule(CountMilliseconds);
        }
        else
        {
            End("no connection is left");
        }
    }

    private void End(string reason)
    {
        if (_state != State.Ended)
        {
            _state = State.Ended;
            _timer.Cancel();
            Log.Info(LogComponent.Agent, $"The proxy ends: {reason}.");
            _end();
        }
    }
}
