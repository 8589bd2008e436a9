using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>
/// One TCP connection that plays the upstream of one request: its head is answered with 200 here, its body is what goes to the host, and
/// what the host sends is the answer's body. Either direction ends on its own where the request's owner keeps sending. Loop-affine.
/// </summary>
internal sealed class RawUpstreamStream : IUpstreamStream, ISendQueueOwner
{
    private readonly RawPool _pool;
    private readonly IByteStream _io;
    private readonly SendQueue _out;
    private readonly LoopSignal _resume;
    private IUpstreamEvents? _events;
    private int _pauses;
    private bool _sentEnd;
    private bool _finishing;
    private bool _peerEnded;
    private bool _endUntold;
    private bool _closed;

    public RawUpstreamStream(RawPool pool, UpstreamConnection connection, uint bufferLimit, IUpstreamEvents events)
    {
        _pool = pool;
        Connection = connection;
        _io = connection.Stream;
        _events = events;
        _out = new SendQueue(_io, this, bufferLimit);
        _resume = new LoopSignal(_io.Loop);
    }

    public UpstreamConnection Connection { get; }

    /// <summary>There is none towards the host.</summary>
    public HttpProtocol Protocol => HttpProtocol.None;

    public bool IsSendBlocked => _out.IsBlocked;

    public long BufferedBytes => _out.Capacity;

    private EventLoop Loop => _io.Loop;

    public void SendHeaders(HeaderMap headers, bool end, bool isUpgrade)
    {
        _sentEnd = end;

        // Its owner is about to send what it holds: it hears of the answer later in the turn.
        Loop.Defer(static state => ((RawUpstreamStream)state!).Answer(), this);
    }

    public void SendData(ReadOnlySpan<byte> data, bool end)
    {
        if (_closed)
        {
            return;
        }

        _out.Write(data);
        _events!.Meter.WireBytesSent += data.Length;
        if (end && !_sentEnd)
        {
            _sentEnd = true;
            Loop.Defer(static state => ((RawUpstreamStream)state!).FinishSend(), this);
        }
    }

    // TCP has no place for their fields.
    public void SendTrailers(HeaderMap trailers) => SendData(default, end: true);

    public void Reset()
    {
        _events = null;
        Close(reset: true, byRemote: false);
    }

    public void PauseResponse() => _pauses++;

    public void ResumeResponse()
    {
        if (--_pauses == 0)
        {
            _resume.Set();
        }
    }

    public void OnSendBlocked(bool blocked) => _events?.OnUpstreamSendBlocked(blocked);

    public void OnFlushed()
    {
        if (_finishing && !_closed)
        {
            EndSend();
        }
    }

    public void OnSendFailed() => Broken();

    private void Answer()
    {
        if (_events is not { } events)
        {
            return;
        }

        if (_sentEnd)
        {
            FinishSend();
        }

        events.ResponseHeaders.Clear();
        events.ResponseHeaders.Set(WellKnownHeader.Status, "200"u8);
        events.OnUpstreamHeaders(200, end: false);
        ReadAsync();
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void ReadAsync()
    {
        while (!_closed && !_peerEnded)
        {
            if (_pauses > 0)
            {
                await _resume.WaitAsync();
                continue;
            }

            IoResult result = await _io.ReceiveAsync(Memory<byte>.Empty);
            if (_closed)
            {
                break;
            }

            if (result.IsOk)
            {
                PooledBuffer buffer = Loop.Buffers.Rent(BufferPool.LargeBytes);
                result = _io.TryReceive(buffer.Span);
                Take(result, buffer.Span[..(result.IsOk ? result.Bytes : 0)]);
                buffer.Return();
            }
            else if (result.Error != IoError.Canceled)
            {
                Broken();
            }

            // One buffer per turn: a bulk flow must not hold its neighbours up.
            await Loop.YieldAsync();
        }
    }

    private void Take(IoResult result, ReadOnlySpan<byte> data)
    {
        if (result.IsWouldBlock)
        {
            return;
        }

        if (!result.IsOk)
        {
            Broken();
        }
        else if (result.IsEnd)
        {
            PeerEnded();
        }
        else
        {
            _pool.Cells.Add(_pool.ClusterStats.CxRxBytesTotal, data.Length);
            _events!.Meter.WireBytesReceived += data.Length;
            _events.OnUpstreamData(data, end: false);
        }
    }

    private void PeerEnded()
    {
        _peerEnded = true;
        IUpstreamEvents events = _events!;
        if (!_sentEnd && events.KeepsSending)
        {
            events.OnUpstreamData(default, end: true);
            return;
        }

        if (_sentEnd && !_out.IsEmpty)
        {
            // The owner hears of it when the host has taken the rest: until then its time-outs watch.
            _endUntold = true;
            return;
        }

        _events = null;
        Close(reset: false, byRemote: true);
        events.OnUpstreamData(default, end: true);
    }

    private void Broken()
    {
        IUpstreamEvents? events = _events;
        _events = null;
        string? failure = TransportFailures.OfEstablished(_io);
        Close(reset: true, byRemote: true);
        events?.OnUpstreamReset(StreamResetReason.ConnectionTermination, failure);
    }

    private void FinishSend()
    {
        if (_closed)
        {
            return;
        }

        _finishing = true;
        _out.OnTurnEnd();
        if (_out.IsEmpty && _finishing)
        {
            EndSend();
        }
    }

    // What waited for the host to read has gone before.
    private void EndSend()
    {
        _finishing = false;
        _io.ShutdownSend();
        if (_peerEnded)
        {
            IUpstreamEvents? events = _events;
            _events = null;
            Close(reset: false, byRemote: true);
            if (_endUntold)
            {
                events?.OnUpstreamData(default, end: true);
            }
        }
    }

    private void Close(bool reset, bool byRemote)
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _pool.Cells.Add(_pool.ClusterStats.CxTxBytesTotal, _out.BytesSent);
        _out.Abandon();
        if (reset)
        {
            _io.Reset();
        }
        else
        {
            _io.Close();
        }

        _resume.Set();
        Connection.Finished(byRemote);
        _pool.OnClosed();
    }
}
