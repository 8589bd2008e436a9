using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Runtime.Streams;

/// <summary>
/// A byte stream in the clothes of System.IO.Stream, for libraries that know nothing else (SslStream). Failures become
/// <see cref="ByteStreamException"/>, which carries the error back through them.
/// </summary>
public sealed class ByteStreamAdapter(IByteStream inner) : Stream
{
    public IByteStream Inner => inner;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException("A connection has no length.");

    public override long Position
    {
        get => throw new NotSupportedException("A connection has no position.");
        set => throw new NotSupportedException("A connection has no position.");
    }

    [SuppressMessage("Performance", "CA1849", Justification = "Completes synchronously when bytes are there.")]
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask<IoResult> receive = inner.ReceiveAsync(buffer);
        if (!receive.IsCompletedSuccessfully)
        {
            return AwaitReadAsync(receive);
        }

        IoResult result = receive.Result;
        return result.IsOk
            ? new ValueTask<int>(result.Bytes)
            : ValueTask.FromException<int>(new ByteStreamException(result.Error));
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask<IoResult> send = inner.SendAsync(buffer);
        if (!send.IsCompletedSuccessfully)
        {
            return AwaitWriteAsync(send);
        }

        IoResult result = send.Result;
        return result.IsOk ? ValueTask.CompletedTask : ValueTask.FromException(new ByteStreamException(result.Error));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw Blocking();

    public override void Write(byte[] buffer, int offset, int count) => throw Blocking();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("A connection has no position.");

    public override void SetLength(long value) => throw new NotSupportedException("A connection has no length.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Close();
        }

        base.Dispose(disposing);
    }

    private static NotSupportedException Blocking() => new("A loop's streams never block; use the asynchronous form.");

    private static async ValueTask<int> AwaitReadAsync(ValueTask<IoResult> receive)
    {
        IoResult result = await receive;
        return result.IsOk ? result.Bytes : throw new ByteStreamException(result.Error);
    }

    private static async ValueTask AwaitWriteAsync(ValueTask<IoResult> send)
    {
        IoResult result = await send;
        if (!result.IsOk)
        {
            throw new ByteStreamException(result.Error);
        }
    }
}
