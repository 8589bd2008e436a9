using System.Diagnostics;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The stream below an SslStream: its reads and writes complete inline on the loop. It keeps the first bytes, which hold the
/// ClientHello, until the server has chosen what to answer.
/// </summary>
internal sealed class TlsTransport : Stream
{
    /// <summary>Bytes kept of the ClientHello: OpenSSL refuses larger ones.</summary>
    private const int HelloBytesMax = 16 * 1024;

    private readonly IByteStream _inner;
    private readonly TlsTransfer _read;
    private TlsTransfer? _write;
    private Memory<byte> _readBuffer;
    private byte[]? _hello = [];

    internal TlsTransport(IByteStream inner)
    {
        _inner = inner;
        _read = new TlsTransfer(OnReceived);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw NoPosition();

    public override long Position
    {
        get => throw NoPosition();
        set => throw NoPosition();
    }

    /// <summary>What came so far; afterwards nothing is kept any more.</summary>
    internal ReadOnlySpan<byte> TakeHello()
    {
        byte[] hello = _hello ?? [];
        _hello = null;
        return hello;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        SynchronizationContext? context = EnterLoop();
        try
        {
            ValueTask<IoResult> receive = _inner.ReceiveAsync(buffer);
            if (receive.IsCompletedSuccessfully)
            {
                IoResult result = receive.GetAwaiter().GetResult();
                Keep(buffer, result.Bytes);
                return result.IsOk ? new ValueTask<int>(result.Bytes) : ValueTask.FromException<int>(new ByteStreamException(result.Error));
            }

            _readBuffer = buffer;
            return new ValueTask<int>(_read, _read.Wait(receive));
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        SynchronizationContext? context = EnterLoop();
        try
        {
            ValueTask<IoResult> send = _inner.SendAsync(buffer);
            if (!send.IsCompletedSuccessfully)
            {
                _write ??= new TlsTransfer(null);
                return new ValueTask(_write, _write.Wait(send));
            }

            IoResult result = send.GetAwaiter().GetResult();
            return result.IsOk ? ValueTask.CompletedTask : ValueTask.FromException(new ByteStreamException(result.Error));
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("A loop's streams never block.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("A loop's streams never block.");

    public override long Seek(long offset, SeekOrigin origin) => throw NoPosition();

    public override void SetLength(long value) => throw NoPosition();

    /// <summary>SslStream calls from continuations that run without a context; the streams below are entitled to the loop's.</summary>
    private SynchronizationContext? EnterLoop()
    {
        Debug.Assert(_inner.Loop.IsCurrent, "SslStream left the loop's thread.");
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_inner.Loop.Context);
        return context;
    }

    private void OnReceived(IoResult result)
    {
        Keep(_readBuffer, result.Bytes);
        _readBuffer = default;
    }

    private void Keep(Memory<byte> buffer, int bytes)
    {
        if (_hello is { } hello && bytes > 0)
        {
            _hello = hello.Length + bytes <= HelloBytesMax ? [.. hello, .. buffer.Span[..bytes]] : hello;
        }
    }

    private static NotSupportedException NoPosition() => new("A connection has no position.");
}
