using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// An accepted socket while listener filters look at it. It owns the deadline of all of them and the peek buffer, which exists
/// only while somebody peeks. One worker's loop only.
/// </summary>
public sealed class PendingConnection
{
    private LoopTimer? _timer;
    private PooledBuffer? _peeked;
    private int _peekedCount;
    private bool _timedOut;

    internal PendingConnection(Worker worker, SocketStream socket, ConnectionInfo info)
    {
        Worker = worker;
        Socket = socket;
        Info = info;
    }

    public Worker Worker { get; }

    public SocketStream Socket { get; }

    public ConnectionInfo Info { get; }

    /// <summary>What has been peeked so far.</summary>
    public ReadOnlySpan<byte> Peeked => _peeked is null ? default : _peeked.Span[.._peekedCount];

    internal bool TimedOut => _timedOut;

    internal void StartDeadline(long milliseconds)
    {
        if (milliseconds > 0)
        {
            _timer = new LoopTimer(Worker.Loop, static state => ((PendingConnection)state!).OnDeadline(), this);
            _timer.Schedule(milliseconds);
        }
    }

    internal void StopDeadline()
    {
        _timer?.Cancel();
        _timer = null;
    }

    /// <summary>
    /// Waits until more than <paramref name="known"/> bytes can be seen (<see cref="Peeked"/>). Anything but Continue means that
    /// no more will come: Close when the peer left, TimedOut when the listener's patience ended.
    /// </summary>
    /// <param name="known">How many bytes the caller has seen.</param>
    /// <param name="bytesMax">Beyond these nothing is looked at.</param>
    /// <param name="firstBytes">The room of the first look.</param>
    public async ValueTask<ListenerFilterVerdict> PeekMoreAsync(int known, int bytesMax, int firstBytes = BufferPool.SmallBytes)
    {
        while (true)
        {
            EnsureRoom(Math.Min(bytesMax, Math.Max(firstBytes, known + 1)));
            IoResult result = Socket.TryPeek(_peeked!.Span[..Math.Min(bytesMax, _peeked.Length)]);
            if (result.IsOk && result.Bytes > known)
            {
                _peekedCount = result.Bytes;
                return ListenerFilterVerdict.Continue;
            }

            if (_timedOut)
            {
                return ListenerFilterVerdict.TimedOut;
            }

            if ((!result.IsOk && !result.IsWouldBlock) || Socket.PeerHasClosed || Socket.IsClosed)
            {
                return ListenerFilterVerdict.Close;
            }

            if (known == 0)
            {
                // Nothing came yet: an idle client must not hold a buffer.
                ReleasePeeked();
            }

            IoResult ready = await Socket.ReceiveAsync(Memory<byte>.Empty);
            if (!ready.IsOk && !_timedOut)
            {
                return ListenerFilterVerdict.Close;
            }
        }
    }

    /// <summary>Takes bytes that were peeked out of the stream (the PROXY protocol's header, nothing else).</summary>
    public bool TryConsume(int count)
    {
        EnsureRoom(count);
        IoResult result = Socket.TryReceive(_peeked!.Span[..count]);
        ReleasePeeked();
        return result.IsOk && result.Bytes == count;
    }

    internal void ReleasePeeked()
    {
        _peeked?.Return();
        _peeked = null;
        _peekedCount = 0;
    }

    private void EnsureRoom(int bytes)
    {
        if (_peeked is null || _peeked.Length < bytes)
        {
            _peeked?.Return();
            _peeked = Worker.Loop.Buffers.Rent(bytes);
            _peekedCount = 0;
        }
    }

    private void OnDeadline()
    {
        _timedOut = true;
        Socket.CancelReceive();
    }
}
