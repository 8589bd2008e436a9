using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// Puts the METADATA frames of one stream together: a block is HPACK with a table of the stream's own, over as many frames as it takes, the
/// last with END_METADATA; fields are arbitrary pairs, of which the last of a name counts. Everything a stream sends, packed or unpacked,
/// stays within max_metadata_size. Loop-affine.
/// </summary>
internal sealed class MetadataReader(BufferPool buffers, long bytesMax) : IHpackSink
{
    private const int TableBytes = 4096;

    // Beside the bytes: so many empty pairs would cost more than their bytes say.
    private const int FieldsMax = 1000;

    private readonly HpackDecoder _decoder = new(buffers, TableBytes);
    private ByteQueue _block;
    private long _packed;
    private long _unpacked;

    /// <summary>The last complete block.</summary>
    public HeaderMap Map { get; } = new();

    public MetadataStatus Take(ReadOnlySpan<byte> payload, bool end)
    {
        _packed += Frames.FrameHeader.Bytes + payload.Length;
        if (_packed > bytesMax)
        {
            return MetadataStatus.TooLarge;
        }

        if (!end)
        {
            _block.Append(buffers, payload);
            return MetadataStatus.NeedMore;
        }

        Map.Clear();
        bool valid;
        if (_block.IsEmpty)
        {
            valid = _decoder.TryDecode(payload, this);
        }
        else
        {
            _block.Append(buffers, payload);
            valid = _decoder.TryDecode(_block.Unread, this);
            _block.Release();
        }

        return !valid ? MetadataStatus.Invalid : _unpacked > bytesMax ? MetadataStatus.TooLarge : MetadataStatus.Complete;
    }

    public void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _unpacked += name.Length + value.Length;
        if (Map.Count >= FieldsMax)
        {
            _unpacked = long.MaxValue / 2;
        }

        if (_unpacked <= bytesMax)
        {
            Map.Set(name, value);
        }
    }

    public void Release() => _block.Release();
}
