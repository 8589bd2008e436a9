using System.IO.Compression;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>gzip (RFC 1952); each piece is flushed.</summary>
internal sealed class GzipBodyCompressor : BodyCompressor
{
    // The stream of the framework writes nothing for a body of nothing, which is no gzip: a head, an empty last block, sum and length of zero.
    private static readonly byte[] s_empty = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private readonly BodySink _sink;
    private readonly GZipStream _gzip;
    private bool _wrote;

    public GzipBodyCompressor(BodySink sink, ZLibCompressionOptions options)
    {
        _sink = sink;
        _gzip = new GZipStream(sink, options, leaveOpen: true);
    }

    public override void Compress(ReadOnlySpan<byte> data, bool end)
    {
        if (!data.IsEmpty)
        {
            _wrote = true;
            _gzip.Write(data);
        }

        if (!end)
        {
            _gzip.Flush();
        }
        else if (_wrote)
        {
            _gzip.Dispose();
        }
        else
        {
            _sink.Write(s_empty);
        }
    }

    public override void Dispose() => _gzip.Dispose();
}
