using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// One direction below an SslStream, as the awaitable that it waits for. Reusable. It runs SslStream's continuation inline and
/// without a synchronization context: with one, the runtime would move it to the thread pool.
/// </summary>
internal sealed class TlsTransfer : IValueTaskSource<int>, IValueTaskSource
{
    private readonly Action<IoResult>? _observe;
    private readonly Action _onCompleted;
    private ManualResetValueTaskSourceCore<int> _source;
    private ValueTaskAwaiter<IoResult> _awaiter;

    internal TlsTransfer(Action<IoResult>? observe)
    {
        _observe = observe;
        _onCompleted = OnCompleted;
    }

    /// <summary>
    /// Waits for an operation that is pending; the token of the ValueTask to give out. Called with the loop's context in place, so
    /// that streams which are async methods complete inline as well.
    /// </summary>
    internal short Wait(ValueTask<IoResult> pending)
    {
        _source.Reset();
        short token = _source.Version;
        _awaiter = pending.GetAwaiter();
        _awaiter.UnsafeOnCompleted(_onCompleted);
        return token;
    }

    public int GetResult(short token) => _source.GetResult(token);

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        // No context is captured: the completion is on the right thread already.
        _source.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    private void OnCompleted()
    {
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            IoResult result = _awaiter.GetResult();
            _awaiter = default;
            _observe?.Invoke(result);
            if (result.IsOk)
            {
                _source.SetResult(result.Bytes);
            }
            else
            {
                _source.SetException(new ByteStreamException(result.Error));
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
