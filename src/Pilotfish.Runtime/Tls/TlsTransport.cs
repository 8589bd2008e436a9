using System.Diagnostics;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The stream below an SslStream: its reads and writes complete inline on the loop. It keeps the first bytes of both sides while
/// the handshake runs: the ClientHello until the server has chosen what to answer, and the server's flight.
/// </summary>
internal sealed class TlsTransport : Stream
{
    /// <summary>Bytes kept of the ClientHello: OpenSSL refuses larger ones.</summary>
    private const int HelloBytesMax = 16 * 1024;

    /// <summary>Bytes kept of the server's flight: a ServerHello and, before TLS 1.3, a usual certificate chain.</summary>
    private const int FlightBytesMax = 4 * 1024;

    private readonly IByteStream _inner;
    private readonly TlsTransfer _read;
    private TlsTransfer? _write;
    private Memory<byte> _readBuffer;
    private readonly bool _isServer;
    private byte[]? _hello;
    private byte[]? _flight = [];

    internal TlsTransport(IByteStream inner, bool isServer)
    {
        _inner = inner;
        _isServer = isServer;
        _hello = isServer ? [] : null;
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

    /// <summary>What the client sent so far; afterwards it is not kept any more. Empty on a client.</summary>
    internal ReadOnlySpan<byte> TakeHello()
    {
        byte[] hello = _hello ?? [];
        _hello = null;
        return hello;
    }

    /// <summary>The first bytes of the server, whichever side this is; afterwards nothing is kept any more.</summary>
    internal ReadOnlySpan<byte> TakeFlight()
    {
        byte[] flight = _flight ?? [];
        _flight = null;
        return flight;
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
                Keep(buffer.Span[..result.Bytes]);
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
        if (_isServer && _flight is not null)
        {
            KeepFlight(buffer.Span);
        }

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
        Keep(_readBuffer.Span[..result.Bytes]);
        _readBuffer = default;
    }

    private void Keep(ReadOnlySpan<byte> received)
    {
        if (_hello is { } hello && !received.IsEmpty)
        {
            _hello = hello.Length + received.Length <= HelloBytesMax ? [.. hello, .. received] : hello;
        }
        else if (!_isServer && _flight is not null)
        {
            KeepFlight(received);
        }
    }

    private void KeepFlight(ReadOnlySpan<byte> bytes)
    {
        int room = FlightBytesMax - _flight!.Length;
        if (room > 0 && !bytes.IsEmpty)
        {
            _flight = [.. _flight, .. bytes[..Math.Min(room, bytes.Length)]];
        }
    }

    private static NotSupportedException NoPosition() => new("A connection has no position.");
}
