using System.Buffers;
using System.IO.Compression;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>Brotli (RFC 7932); each piece is flushed.</summary>
internal sealed class BrotliBodyCompressor(BodySink sink, int quality, int windowBits) : BodyCompressor
{
    private const int ChunkBytes = 4096;

    private BrotliEncoder _encoder = new(quality, windowBits);

    public override void Compress(ReadOnlySpan<byte> data, bool end)
    {
        Span<byte> chunk = stackalloc byte[ChunkBytes];
        OperationStatus status;
        do
        {
            status = _encoder.Compress(data, chunk, out int read, out int written, end);
            data = data[read..];
            sink.Write(chunk[..written]);
        }
        while (status == OperationStatus.DestinationTooSmall);

        while (!end && status == OperationStatus.Done)
        {
            status = _encoder.Flush(chunk, out int written);
            sink.Write(chunk[..written]);
            if (status == OperationStatus.Done)
            {
                return;
            }

            status = status == OperationStatus.DestinationTooSmall ? OperationStatus.Done : status;
        }

        if (status != OperationStatus.Done)
        {
            throw new InvalidOperationException($"Brotli ended a piece as {status}.");
        }
    }

    public override void Dispose() => _encoder.Dispose();
}
