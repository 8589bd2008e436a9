using System.Diagnostics;
using System.Runtime.CompilerServices;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// A TLS session by libssl. Records are received into libssl's buffer and sent from it. What the stream below does not take at once
/// is kept in a queue; while it is not empty no further record is made, so that it holds one at most, or one flight of a handshake.
/// An idle session holds no buffer, on either side.
/// <code>
/// ReceiveAsync: libssl has bytes? -> else wait below with an empty receive -> libssl receives and decrypts into the caller's memory
/// SendAsync:    libssl encrypts -> sends below -> the rest is queued -> the queue is sent below -> next record
/// </code>
/// </summary>
internal sealed class LibsslStream : TlsStream, ISslOwner
{
    /// <summary>The largest TLS record's payload (RFC 8446 section 5.1); head and body up to this share one.</summary>
    private const int RecordBytesMax = 16 * 1024;

    private readonly SslConnection _ssl;
    private readonly ReceiveOperation _receive;
    private readonly Action _onReadable;
    private SendOperation? _send;
    private Action? _onFlushed;
    private ValueTaskAwaiter<IoResult> _waiting;
    private ValueTaskAwaiter<IoResult> _flushing;
    private PooledBuffer? _early;
    private int _earlyStart;
    private int _earlyEnd;
    private RecordQueue _queue;
    private PooledBuffer? _inFlight;
    private LibsslHandshake? _handshake;
    private IoResult? _readEnd;
    private IoError _writeError;
    private Farewell _farewell;
    private bool _isWaiting;
    private bool _isDry;

    // A handshake that the server began in the middle of the session comes first; reading carries it on.
    private bool _isSendHeld;

    internal LibsslStream(IByteStream inner, SslContext context, LibsslHandshake handshake)
        : base(inner)
    {
        _receive = new ReceiveOperation(inner.Loop);
        _onReadable = OnReadable;
        _handshake = handshake;
        _ssl = SslConnection.Create(context, this);
    }

    internal SslConnection Connection => _ssl;

    /// <summary>Neither queued nor on its way below.</summary>
    private bool IsSendClear => _queue.IsEmpty && _inFlight is null;

    public override IoResult TryReceive(Span<byte> buffer)
    {
        if (IsClosed)
        {
            return IoResult.Failed(IoError.Closed);
        }

        // While a wait is under way below, nothing has come.
        return _isWaiting ? IoResult.Failed(IoError.WouldBlock) : buffer.IsEmpty ? IoResult.Ok(0) : ReadNow(buffer);
    }

    public override ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        if (IsClosed)
        {
            return new ValueTask<IoResult>(IoResult.Failed(IoError.Closed));
        }

        if (!_isWaiting && ReadOrWait(buffer.Span) is { } result)
        {
            return new ValueTask<IoResult>(result);
        }

        ValueTask<IoResult> pending = _receive.Begin();
        _receive.Buffer = buffer;
        return pending;
    }

    public override IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default) =>
        SendRefusal() is { } refusal ? IoResult.Failed(refusal)
        : !IsSendClear ? IoResult.Failed(IoError.WouldBlock)
        : WriteRecord(first, second);

    public override ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public override ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (SendRefusal() is { } refusal)
        {
            return new ValueTask<IoResult>(IoResult.Failed(refusal));
        }

        int total = first.Length + second.Length;
        int sent = 0;
        while (sent < total && IsSendClear)
        {
            IoResult result = sent < first.Length
                ? WriteRecord(first.Span[sent..], second.Span)
                : WriteRecord(second.Span[(sent - first.Length)..], default);
            if (result.IsWouldBlock)
            {
                break;
            }

            if (!result.IsOk)
            {
                return new ValueTask<IoResult>(result);
            }

            sent += result.Bytes;
        }

        if (IsSendClear && !_isSendHeld)
        {
            return new ValueTask<IoResult>(IoResult.Ok(total));
        }

        _send ??= new SendOperation(Loop);
        _send.Start(first, second, sent);
        return _send.Begin();
    }

    public override void CancelReceive()
    {
        if (_receive.IsPending)
        {
            EndReceive(IoError.Canceled);
            if (_isWaiting)
            {
                Inner.CancelReceive();
            }
        }
    }

    /// <summary>What is encrypted already goes on its way: a record that is cut would end the session.</summary>
    public override void CancelSend() => EndSend(IoError.Canceled);

    public override void ShutdownSend()
    {
        if (!IsClosed && _farewell == Farewell.None)
        {
            _farewell = Farewell.Wanted;
            SayFarewell();
        }
    }

    public override void Close()
    {
        if (!IsClosed)
        {
            if (_farewell == Farewell.None && IsSendClear && !Inner.IsClosed)
            {
                // close_notify, if the stream below takes it at once.
                _ssl.Shutdown();
            }

            End(reset: false);
        }
    }

    public override void Reset()
    {
        if (!IsClosed)
        {
            End(reset: true);
        }
    }

    IoResult ISslOwner.ReceiveRecords(Span<byte> buffer)
    {
        if (_early is null)
        {
            return Inner.TryReceive(buffer);
        }

        int n = Math.Min(buffer.Length, _earlyEnd - _earlyStart);
        _early.Span.Slice(_earlyStart, n).CopyTo(buffer);
        _earlyStart += n;
        if (_earlyStart == _earlyEnd)
        {
            ReturnEarly();
        }

        return IoResult.Ok(n);
    }

    IoError ISslOwner.SendRecords(ReadOnlySpan<byte> bytes)
    {
        if (IsSendClear)
        {
            IoResult result = Inner.TrySend(bytes);
            if (!result.IsOk && !result.IsWouldBlock)
            {
                return result.Error;
            }

            bytes = bytes[result.Bytes..];
        }

        return bytes.IsEmpty ? IoError.None : _queue.Add(Loop.Buffers, bytes);
    }

    // Who negotiates anew must be who it was.
    int ISslOwner.JudgePeer(ReadOnlySpan<byte> leaf, IReadOnlyList<byte[]> issuers) =>
        _handshake is { } handshake ? handshake.Judge(leaf.ToArray(), issuers)
        : Facts.PeerCertificate is { } known && leaf.SequenceEqual(known.RawDataMemory.Span) ? 0
        : LibsslHandshake.Unspecified;

    void ISslOwner.LogKey(SessionKeyLog log, ReadOnlySpan<byte> line) => log.Post(LocalAddress, RemoteAddress, line);

    /// <summary>Bytes of the peer that were read before the session existed. Takes the buffer over.</summary>
    internal void GiveEarly(PooledBuffer buffer, int count) => (_early, _earlyEnd) = (buffer, count);

    /// <summary>One step of the handshake; what libssl says is on its way.</summary>
    internal SslOutcome ShakeHands()
    {
        SslOutcome outcome = _ssl.Handshake();
        StartFlush();
        return outcome;
    }

    /// <summary>Waits until all that libssl said has gone. For the handshake, while nobody else sends.</summary>
    internal ValueTask<IoResult> FlushAsync() => !IsSendClear ? WaitForFlush()
        : new ValueTask<IoResult>(_writeError == IoError.None ? IoResult.Ok(0) : IoResult.Failed(_writeError));

    /// <summary>The handshake is over.</summary>
    internal void Begin(TlsSessionFacts facts)
    {
        Facts = facts;
        _handshake = null;
    }

    /// <summary>Ends what never became a session.</summary>
    internal void Abandon() => End(reset: false);

    internal ValueTask<TlsHandshake> HandshakeAsync(string? serverName) => _handshake!.RunAsync(this, serverName);

    /// <summary>Null when it waits below now; then <see cref="OnReadable"/> goes on.</summary>
    private IoResult? ReadOrWait(Span<byte> buffer)
    {
        // What lies in libssl is told first: nothing would wake a wait for it. A part of a record is not worth a try.
        bool hasBytes = _readEnd is not null || (!_isDry && (_early is not null || _ssl.HasPending));
        while (true)
        {
            if (hasBytes)
            {
                IoResult result = buffer.IsEmpty ? IoResult.Ok(0) : ReadNow(buffer);
                if (!result.IsWouldBlock)
                {
                    return result;
                }
            }

            _waiting = AwaiterOf(Inner.ReceiveAsync(Memory<byte>.Empty));
            if (!_waiting.IsCompleted)
            {
                _isWaiting = true;
                _waiting.UnsafeOnCompleted(_onReadable);
                return null;
            }

            IoResult woken = _waiting.GetResult();
            _waiting = default;
            if (!woken.IsOk)
            {
                return woken;
            }

            hasBytes = true;
        }
    }

    private void OnReadable()
    {
        Debug.Assert(Loop.IsCurrent, "A stream of another loop lies below.");
        IoResult woken = _waiting.GetResult();
        (_waiting, _isWaiting) = (default, false);
        if (IsClosed || !_receive.IsPending)
        {
            return;
        }

        // A receive that began after another was cancelled meets the end of the other's wait.
        IoResult? result = !woken.IsOk && woken.Error != IoError.Canceled ? woken
            : _receive.Buffer.IsEmpty && woken.IsOk ? IoResult.Ok(0)
            : ReadOrWaitAgain(woken.IsOk);
        if (result is { } done)
        {
            _receive.Buffer = default;
            _receive.Complete(done);
        }
    }

    private IoResult? ReadOrWaitAgain(bool hasBytes)
    {
        if (hasBytes)
        {
            IoResult result = ReadNow(_receive.Buffer.Span);
            if (!result.IsWouldBlock)
            {
                return result;
            }
        }

        return ReadOrWait(_receive.Buffer.Span);
    }

    private IoResult ReadNow(Span<byte> buffer)
    {
        if (_readEnd is { } ended)
        {
            return ended;
        }

        SslOutcome outcome = _ssl.Read(buffer, out int count);
        _isDry = outcome != SslOutcome.Done;
        // Reading answers too: new keys, alerts.
        StartFlush();
        if (_isSendHeld)
        {
            ResumeSend();
        }

        switch (outcome)
        {
            case SslOutcome.Done:
                return IoResult.Ok(count);
            case SslOutcome.WantRead:
                return IoResult.Failed(IoError.WouldBlock);
            case SslOutcome.End:
                return EndReading(IoResult.Ok(0));
            case SslOutcome.TransportEnd when _ssl.HasPending:
                Failure ??= "remote closed the connection in the middle of a TLS record";
                return EndReading(IoResult.Failed(IoError.TlsFailure));
            case SslOutcome.TransportEnd:
                // Without close_notify, as most peers end. Lengths and chunks above tell whether something is missing.
                return EndReading(IoResult.Ok(0));
            case SslOutcome.TransportFailed:
                return EndReading(IoResult.Failed(_ssl.TransportError));
            default:
                return EndReading(Broken());
        }
    }

    private IoResult EndReading(IoResult result)
    {
        _readEnd = result;
        return result;
    }

    private IoResult Broken()
    {
        Failure ??= TlsFailureText.Of(_ssl.Error, out _);
        _writeError = IoError.TlsFailure;
        return IoResult.Failed(IoError.TlsFailure);
    }

    // The streams below answer with reusable awaitables, each taken once.
    private static ValueTaskAwaiter<IoResult> AwaiterOf(ValueTask<IoResult> operation) => operation.GetAwaiter();

    private IoError? SendRefusal() => IsClosed ? IoError.Closed
        : _farewell != Farewell.None ? IoError.BrokenPipe
        : _writeError != IoError.None ? _writeError
        : null;

    /// <summary>Encrypts and sends one record of what fits into it. What the stream below does not take is queued.</summary>
    private IoResult WriteRecord(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        Debug.Assert(IsSendClear, "A record waits; the next one is made when it is gone.");
        int ofFirst = Math.Min(first.Length, RecordBytesMax);
        int ofSecond = Math.Min(second.Length, RecordBytesMax - ofFirst);
        SslOutcome outcome;
        if (ofFirst == 0 || ofSecond == 0)
        {
            if (ofFirst + ofSecond == 0)
            {
                return IoResult.Ok(0);
            }

            outcome = _ssl.Write(ofSecond == 0 ? first[..ofFirst] : second[..ofSecond]);
        }
        else
        {
            // Copying is cheaper than a record of its own for the head.
            PooledBuffer joined = Loop.Buffers.Rent(ofFirst + ofSecond);
            first[..ofFirst].CopyTo(joined.Span);
            second[..ofSecond].CopyTo(joined.Span[ofFirst..]);
            outcome = _ssl.Write(joined.Span[..(ofFirst + ofSecond)]);
            joined.Return();
        }

        _isSendHeld = outcome == SslOutcome.WantRead;
        if (_isSendHeld)
        {
            StartFlush();
            return IoResult.Failed(IoError.WouldBlock);
        }

        if (outcome != SslOutcome.Done)
        {
            _writeError = outcome == SslOutcome.TransportFailed ? _ssl.TransportError : Broken().Error;
            return IoResult.Failed(_writeError);
        }

        StartFlush();
        return _writeError == IoError.None ? IoResult.Ok(ofFirst + ofSecond) : IoResult.Failed(_writeError);
    }

    private void StartFlush()
    {
        while (!_queue.IsEmpty && _inFlight is null)
        {
            _inFlight = _queue.Take(out ReadOnlyMemory<byte> bytes);
            _flushing = AwaiterOf(Inner.SendAsync(bytes));
            if (!_flushing.IsCompleted)
            {
                _flushing.UnsafeOnCompleted(_onFlushed ??= OnFlushed);
                return;
            }

            IoResult result = _flushing.GetResult();
            _flushing = default;
            TakeFlushed(result);
        }
    }

    private void OnFlushed()
    {
        IoResult result = _flushing.GetResult();
        _flushing = default;
        TakeFlushed(result);
        if (IsClosed)
        {
            return;
        }

        StartFlush();
        if (IsSendClear)
        {
            ResumeSend();
            if (!IsClosed)
            {
                SayFarewell();
            }
        }
    }

    private void TakeFlushed(IoResult result)
    {
        _inFlight!.Return();
        _inFlight = null;
        if (!result.IsOk)
        {
            _writeError = _writeError == IoError.None ? result.Error : _writeError;
            _queue.Drop();
        }
    }

    private void ResumeSend()
    {
        bool wasHeld = _isSendHeld;
        _isSendHeld = false;
        if (_send is not { IsPending: true } send || !IsSendClear)
        {
            return;
        }

        IoResult result = _writeError == IoError.None ? IoResult.Ok(send.TotalBytes) : IoResult.Failed(_writeError);
        while (result.IsOk && !send.IsAllSent)
        {
            IoResult written = WriteRecord(send.First.Span, send.Second.Span);
            if (written.IsWouldBlock)
            {
                return;
            }

            if (!written.IsOk)
            {
                result = written;
                break;
            }

            send.Consume(written.Bytes);
            if (!IsSendClear)
            {
                return;
            }
        }

        send.Clear();
        if (wasHeld)
        {
            // This is a read's turn, which is not over.
            send.CompleteLater(result);
        }
        else
        {
            send.Complete(result);
        }
    }

    private ValueTask<IoResult> WaitForFlush()
    {
        _send ??= new SendOperation(Loop);
        _send.Start(default, default, 0);
        return _send.Begin();
    }

    /// <summary>close_notify and the end below, each when what was sent before has gone.</summary>
    private void SayFarewell()
    {
        if (_farewell == Farewell.Wanted && IsSendClear && _send is not { IsPending: true })
        {
            _farewell = Farewell.Said;
            _ssl.Shutdown();
            StartFlush();
        }

        if (_farewell == Farewell.Said && IsSendClear)
        {
            _farewell = Farewell.Done;
            Inner.ShutdownSend();
        }
    }

    private void End(bool reset)
    {
        IsClosed = true;
        EndReceive(IoError.Closed);
        EndSend(IoError.Closed);
        if (reset)
        {
            Inner.Reset();
        }
        else
        {
            Inner.Close();
        }

        ReturnEarly();
        _queue.Drop();
        _ssl.KeepSession();
        _ssl.Dispose();
    }

    private void ReturnEarly()
    {
        _early?.Return();
        _early = null;
    }

    private void EndReceive(IoError error)
    {
        if (_receive.IsPending)
        {
            _receive.Buffer = default;
            _receive.CompleteLater(IoResult.Failed(error));
        }
    }

    private void EndSend(IoError error)
    {
        if (_send is { IsPending: true } send)
        {
            send.Clear();
            send.CompleteLater(IoResult.Failed(error));
        }
    }

    private enum Farewell : byte
    {
        None,
        Wanted,
        Said,
        Done,
    }
}
