using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>Where a compressor writes to: memory of the loop's pool. Loop-affine.</summary>
internal sealed class BodySink(BufferPool pool) : Stream
{
    private BodyBuffer _bytes;

    public ReadOnlyMemory<byte> Bytes => _bytes.Memory;

    /// <summary>What it has on loan.</summary>
    public int Capacity => _bytes.Capacity;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer) => _bytes.Append(pool, buffer);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    /// <summary>Forgets the bytes and keeps the memory.</summary>
    public void Clear() => _bytes.Clear();

    public void Release() => _bytes.Release();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
