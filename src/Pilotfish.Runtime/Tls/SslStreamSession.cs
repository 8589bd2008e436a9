using System.Diagnostics;
using System.Formats.Asn1;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// A TLS session by SslStream, run inline. Bytes given to a send are encrypted at once, at most one record per TrySend. It serves
/// where libssl cannot be called directly.
/// </summary>
internal sealed class SslStreamSession : TlsStream
{
    /// <summary>The largest TLS record's payload (RFC 8446 section 5.1); head and body up to this share one.</summary>
    private const int RecordBytesMax = 16 * 1024;

    private readonly IByteStream _inner;
    private readonly SslStream _ssl;
    private readonly ReceiveOperation _receive;
    private readonly Action _onRead;
    private readonly Action _onWritten;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _reading;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _writing;
    private TaskCompletionSource<IoError>? _writeDone;
    private PooledBuffer? _writeBuffer;
    private PooledBuffer? _staged;
    private int _stagedStart;
    private int _stagedEnd;
    private bool _isReading;
    private bool _isWriting;
    private bool _isSendShut;
    private bool _isDisposed;
    private IoError _writeError;

    internal SslStreamSession(IByteStream inner, SslStream ssl, TlsSessionFacts facts)
        : base(inner)
    {
        _inner = inner;
        _ssl = ssl;
        Facts = facts;
        _receive = new ReceiveOperation(inner.Loop);
        _onRead = OnRead;
        _onWritten = OnWritten;
    }

    public override IoResult TryReceive(Span<byte> buffer)
    {
        if (IsClosed)
        {
            return IoResult.Failed(IoError.Closed);
        }

        if (_staged is null && !_isReading)
        {
            _staged = Loop.Buffers.Rent(RecordBytesMax);
            (_stagedStart, _stagedEnd) = (0, 0);
            IoResult result = StartRead(_staged.Memory[..RecordBytesMax]);
            if (!result.IsWouldBlock)
            {
                return FinishStaged(result, buffer);
            }
        }

        return _isReading ? IoResult.Failed(IoError.WouldBlock) : TakeStaged(buffer);
    }

    public override ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        if (IsClosed)
        {
            return new ValueTask<IoResult>(IoResult.Failed(IoError.Closed));
        }

        if (!_isReading)
        {
            IoResult result = _staged is not null ? TakeStaged(buffer.Span) : StartRead(buffer);
            if (!result.IsWouldBlock)
            {
                return new ValueTask<IoResult>(result);
            }
        }

        ValueTask<IoResult> pending = _receive.Begin();
        _receive.Buffer = buffer;
        return pending;
    }

    public override IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        if (SendRefusal() is { } refusal)
        {
            return IoResult.Failed(refusal);
        }

        if (_isWriting)
        {
            return IoResult.Failed(IoError.WouldBlock);
        }

        int ofFirst = Math.Min(first.Length, RecordBytesMax);
        int ofSecond = Math.Min(second.Length, RecordBytesMax - ofFirst);
        if (ofFirst + ofSecond == 0)
        {
            return IoResult.Ok(0);
        }

        _writeBuffer = Loop.Buffers.Rent(RecordBytesMax);
        first[..ofFirst].CopyTo(_writeBuffer.Span);
        second[..ofSecond].CopyTo(_writeBuffer.Span[ofFirst..]);
        IoError error = StartWrite(_writeBuffer.Memory[..(ofFirst + ofSecond)]);
        return error is IoError.None or IoError.WouldBlock ? IoResult.Ok(ofFirst + ofSecond) : IoResult.Failed(error);
    }

    public override ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public override ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        int total = first.Length + second.Length;
        if (!_isWriting && total <= RecordBytesMax)
        {
            IoResult sent = TrySend(first.Span, second.Span);
            if (!_isWriting)
            {
                return new ValueTask<IoResult>(sent);
            }

            return FinishSendAsync(total);
        }

        return SendSlowAsync(first, second);
    }

    public override void CancelReceive()
    {
        if (_receive.IsPending)
        {
            // The read below goes on into its buffer and is picked up by the next receive, unless that buffer was the caller's.
            if (_isReading && _staged is null)
            {
                _inner.CancelReceive();
            }
            else
            {
                EndReceive(IoError.Canceled);
            }
        }
    }

    public override void CancelSend() => _inner.CancelSend();

    public override void ShutdownSend()
    {
        if (!IsClosed && !_isSendShut)
        {
            _isSendShut = true;
            ShutdownInOrder();
        }
    }

    public override void Close()
    {
        if (IsClosed)
        {
            return;
        }

        if (!_isSendShut && !_isWriting && !_inner.IsClosed)
        {
            // close_notify, if the transport takes it at once.
            _isSendShut = true;
            _ = ShutdownAsync();
        }

        End(reset: false);
    }

    public override void Reset()
    {
        if (!IsClosed)
        {
            End(reset: true);
        }
    }

    internal static TlsSessionFacts FactsOf(SslStream ssl, string? serverName, TlsVerifier verifier, ReadOnlySpan<byte> flight)
    {
        ServerFlight seen = ServerFlight.Read(flight);
        ReadOnlyMemory<byte> protocol = ssl.NegotiatedApplicationProtocol.Protocol;
        return new TlsSessionFacts
        {
            Protocol = ssl.SslProtocol,
            CipherSuite = ssl.NegotiatedCipherSuite.ToString(),
            ServerName = string.IsNullOrEmpty(serverName) ? null : serverName,
            ApplicationProtocol = protocol.IsEmpty ? null : System.Text.Encoding.Latin1.GetString(protocol.Span),
            PeerCertificate = ssl.RemoteCertificate as X509Certificate2,
            LocalCertificate = ssl.LocalCertificate as X509Certificate2,
            PeerIssuers = verifier.ShownIssuers,
            PeerCertificateValidated = verifier.IsValidated && ssl.RemoteCertificate is not null,
            IsResumed = seen.IsResumed,
            Waived = verifier.Waived,
            Group = seen.GroupName,
        };
    }

    internal static List<SslApplicationProtocol> ToProtocols(IReadOnlyList<string> names)
    {
        var protocols = new List<SslApplicationProtocol>(names.Count);
        foreach (string name in names)
        {
            protocols.Add(new SslApplicationProtocol(name));
        }

        return protocols;
    }

    internal static string FailureOf(TlsVerifier? verifier, Exception exception, ReadOnlySpan<byte> received, out TlsFailureKind kind)
    {
        if (exception is CryptographicException or AsnContentException)
        {
            // A certificate that OpenSSL takes and .NET does not.
            kind = TlsFailureKind.Chain;
            return TlsFailureText.Of(TlsFailureText.CertificateVerifyFailed, TlsChainText.Malformed);
        }

        if (verifier?.Refusal is not { } refusal)
        {
            return TlsFailureText.Of(exception, received, out kind);
        }

        kind = refusal.Kind;
        return TlsFailureText.Of(refusal);
    }

    /// <summary>TLS 1.3 suites are not configurable, in Envoy neither.</summary>
    internal static string? CheckCipher(SslStream ssl, IReadOnlyCollection<string>? allowed)
    {
        if (allowed is null || ssl.SslProtocol == SslProtocols.Tls13)
        {
            return null;
        }

        string negotiated = ssl.NegotiatedCipherSuite.ToString();
        foreach (string suite in allowed)
        {
            if (suite == negotiated)
            {
                return null;
            }
        }

        return TlsFailureText.Of(TlsFailureText.NoSharedCipher);
    }

    private IoError? SendRefusal() => IsClosed ? IoError.Closed
        : _isSendShut ? IoError.BrokenPipe
        : _writeError != IoError.None ? _writeError
        : null;

    /// <summary>WouldBlock when the read goes on; then <see cref="OnRead"/> finishes it.</summary>
    private IoResult StartRead(Memory<byte> buffer)
    {
        ValueTask<int> read;
        try
        {
            read = _ssl.ReadAsync(buffer);
        }
        catch (InvalidOperationException exception)
        {
            // The session is over (a fatal alert came before).
            return Fail(exception);
        }

        _reading = read.ConfigureAwait(false).GetAwaiter();
        if (_reading.IsCompleted)
        {
            return TakeRead();
        }

        _isReading = true;
        _reading.UnsafeOnCompleted(_onRead);
        return IoResult.Failed(IoError.WouldBlock);
    }

    private IoResult TakeRead()
    {
        try
        {
            return IoResult.Ok(_reading.GetResult());
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException or ObjectDisposedException
            or InvalidOperationException)
        {
            return Fail(exception);
        }
        finally
        {
            _reading = default;
        }
    }

    private void OnRead()
    {
        Debug.Assert(Loop.IsCurrent, "SslStream left the loop's thread.");
        IoResult result = TakeRead();
        _isReading = false;
        if (IsClosed)
        {
            ReleaseWhenIdle();
            return;
        }

        if (_staged is not null)
        {
            StagedArrived(result);
            return;
        }

        if (_receive.IsPending)
        {
            _receive.Buffer = default;
            CompleteOnLoop(result);
        }
    }

    /// <summary>A read that a TryReceive had started is over: whoever waits gets it.</summary>
    private void StagedArrived(IoResult result)
    {
        _stagedEnd = result.Bytes;
        if (!result.IsOk || result.Bytes == 0)
        {
            _stagedEnd = 0;
            ReturnStaged();
        }

        if (_receive.IsPending)
        {
            Memory<byte> buffer = _receive.Buffer;
            _receive.Buffer = default;
            CompleteOnLoop(_staged is null ? result : TakeStaged(buffer.Span));
        }
    }

    /// <summary>Runs the consumer with the loop's context, which SslStream's continuations run without.</summary>
    private void CompleteOnLoop(IoResult result)
    {
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(Loop.Context);
        try
        {
            _receive.Complete(result);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private IoResult FinishStaged(IoResult result, Span<byte> buffer)
    {
        if (!result.IsOk || result.Bytes == 0)
        {
            ReturnStaged();
            return result;
        }

        _stagedEnd = result.Bytes;
        return TakeStaged(buffer);
    }

    private IoResult TakeStaged(Span<byte> buffer)
    {
        int n = Math.Min(buffer.Length, _stagedEnd - _stagedStart);
        _staged!.Span.Slice(_stagedStart, n).CopyTo(buffer);
        _stagedStart += n;
        if (_stagedStart == _stagedEnd)
        {
            ReturnStaged();
        }

        return IoResult.Ok(n);
    }

    private void ReturnStaged()
    {
        _staged?.Return();
        _staged = null;
    }

    /// <summary>WouldBlock when the write goes on.</summary>
    private IoError StartWrite(ReadOnlyMemory<byte> bytes)
    {
        ValueTask write;
        try
        {
            write = _ssl.WriteAsync(bytes);
        }
        catch (InvalidOperationException exception)
        {
            _writeError = Fail(exception).Error;
            ReturnWriteBuffer();
            return _writeError;
        }

        _writing = write.ConfigureAwait(false).GetAwaiter();
        if (_writing.IsCompleted)
        {
            return TakeWritten();
        }

        _isWriting = true;
        _writing.UnsafeOnCompleted(_onWritten);
        return IoError.WouldBlock;
    }

    private IoError TakeWritten()
    {
        ReturnWriteBuffer();
        try
        {
            _writing.GetResult();
            return IoError.None;
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException or ObjectDisposedException
            or InvalidOperationException)
        {
            _writeError = Fail(exception).Error;
            return _writeError;
        }
        finally
        {
            _writing = default;
        }
    }

    private void OnWritten()
    {
        Debug.Assert(Loop.IsCurrent, "SslStream left the loop's thread.");
        _isWriting = false;
        IoError error = TakeWritten();
        TaskCompletionSource<IoError>? done = _writeDone;
        _writeDone = null;
        // Its awaiter captured the loop's context and so continues on the loop, later in the turn.
        done?.SetResult(IsClosed ? IoError.Closed : error);
        if (IsClosed)
        {
            ReleaseWhenIdle();
        }
    }

    private void ReturnWriteBuffer()
    {
        _writeBuffer?.Return();
        _writeBuffer = null;
    }

    private Task<IoError> WriteDoneAsync()
    {
        _writeDone ??= new TaskCompletionSource<IoError>();
        return _writeDone.Task;
    }

    private async ValueTask<IoResult> FinishSendAsync(int total)
    {
        IoError error = await WriteDoneAsync();
        return error == IoError.None ? IoResult.Ok(total) : IoResult.Failed(error);
    }

    private async ValueTask<IoResult> SendSlowAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        int total = first.Length + second.Length;
        int sent = 0;
        while (true)
        {
            if (_isWriting)
            {
                IoError error = await WriteDoneAsync();
                if (error != IoError.None)
                {
                    return IoResult.Failed(error);
                }

                continue;
            }

            if (sent == total)
            {
                return IoResult.Ok(total);
            }

            IoResult result = sent < first.Length
                ? TrySend(first.Span[sent..], second.Span)
                : TrySend(second.Span[(sent - first.Length)..]);
            if (!result.IsOk)
            {
                return result;
            }

            sent += result.Bytes;
        }
    }

    private async void ShutdownInOrder()
    {
        if (_isWriting)
        {
            await WriteDoneAsync();
        }

        if (IsClosed)
        {
            return;
        }

        await ShutdownAsync();
        _inner.ShutdownSend();
    }

    private async Task ShutdownAsync()
    {
        try
        {
            await _ssl.ShutdownAsync();
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or ObjectDisposedException
            or AuthenticationException or CryptographicException)
        {
            // The peer is gone already, or began a handshake; the FIN below is all that is left to say.
        }
    }

    private void End(bool reset)
    {
        IsClosed = true;
        EndReceive(IoError.Closed);
        if (reset)
        {
            _inner.Reset();
        }
        else
        {
            _inner.Close();
        }

        ReleaseWhenIdle();
    }

    private void EndReceive(IoError error)
    {
        if (_receive.IsPending)
        {
            _receive.Buffer = default;
            _receive.CompleteLater(IoResult.Failed(error));
        }
    }

    /// <summary>SslStream's buffers and the caller's are free only when none of its operations is under way.</summary>
    private void ReleaseWhenIdle()
    {
        if (!_isReading && !_isWriting && !_isDisposed)
        {
            _isDisposed = true;
            ReturnStaged();
            _ssl.Dispose();
        }
    }

    private IoResult Fail(Exception exception)
    {
        IoError error = exception as ByteStreamException is { } direct ? direct.Error
            : exception.InnerException is ByteStreamException below ? below.Error
            : IsClosed ? IoError.Closed
            : IoError.TlsFailure;
        if (error == IoError.TlsFailure)
        {
            Failure ??= TlsFailureText.Of(exception, default, out _);
        }

        return IoResult.Failed(error);
    }
}
