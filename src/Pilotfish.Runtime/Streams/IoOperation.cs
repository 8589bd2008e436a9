using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Streams;

/// <summary>
/// The reusable awaitable behind one direction of a stream: single consumer, loop-affine, no allocation per use. Completing it
/// runs the continuation inline on the loop; <see cref="CompleteLater"/> runs it later in the turn.
/// <code>
/// Idle --Begin--> Pending --Complete/CompleteLater--> Completed --GetResult--> Idle
/// </code>
/// </summary>
public class IoOperation(EventLoop loop) : IValueTaskSource<IoResult>
{
    private static readonly Action<object?> s_continue = static state => ((IoOperation)state!).Continue();

    private Action<object?>? _continuation;
    private object? _continuationState;
    private IoResult _result;
    private short _token;
    private State _state;

    public bool IsPending => _state == State.Pending;

    public ValueTask<IoResult> Begin()
    {
        if (_state != State.Idle)
        {
            throw new InvalidOperationException("An operation in this direction is pending already; a stream has one consumer.");
        }

        _state = State.Pending;
        return new ValueTask<IoResult>(this, _token);
    }

    public void Complete(IoResult result)
    {
        Debug.Assert(_state == State.Pending, "Only a pending operation completes.");
        _result = result;
        _state = State.Completed;
        Continue();
    }

    public void CompleteLater(IoResult result)
    {
        Debug.Assert(_state == State.Pending, "Only a pending operation completes.");
        _result = result;
        _state = State.Completed;
        loop.Defer(s_continue, this);
    }

    public IoResult GetResult(short token)
    {
        CheckToken(token);
        if (_state != State.Completed)
        {
            throw new InvalidOperationException("The result of a pending operation was asked for; await it.");
        }

        _state = State.Idle;
        _token++;
        return _result;
    }

    public ValueTaskSourceStatus GetStatus(short token)
    {
        CheckToken(token);
        return _state == State.Completed ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;
    }

    // Flags are ignored: the continuation always runs on the loop's thread, whose context is the loop's own.
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        CheckToken(token);
        _continuation = continuation;
        _continuationState = state;
        if (_state == State.Completed)
        {
            loop.Defer(s_continue, this);
        }
    }

    private void Continue()
    {
        // A deferred run may find its completion consumed already and another operation under way.
        if (_state == State.Completed && _continuation is { } continuation)
        {
            object? state = _continuationState;
            _continuation = null;
            _continuationState = null;
            continuation(state);
        }
    }

    private void CheckToken(short token)
    {
        if (token != _token)
        {
            throw new InvalidOperationException("A ValueTask of a stream was awaited twice.");
        }
    }

    private enum State : byte
    {
        Idle,
        Pending,
        Completed,
    }
}
