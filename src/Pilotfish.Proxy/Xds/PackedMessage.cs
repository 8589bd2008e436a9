using System.Buffers;
using System.IO.Compression;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// The bytes of a resource that waits for its turn, compressed: a push brings thousands at once. What is accepted moves to the blocks of
/// a <see cref="ResourceArchive"/>. Immutable.
/// </summary>
internal sealed class PackedMessage
{
    // Favours speed: a push of thousands of resources compresses on the main loop.
    private const int Quality = 1;
    private const int Window = 16;

    // The shared pool keeps what it is given: a few route tables of megabytes are left to the collector.
    private const int PooledBytesMax = 64 * 1024;

    private readonly byte[] _bytes;
    private readonly bool _isCompressed;

    private PackedMessage(byte[] bytes, int length, bool isCompressed)
    {
        _bytes = bytes;
        Length = length;
        _isCompressed = isCompressed;
    }

    /// <summary>Of the message itself, in bytes.</summary>
    public int Length { get; }

    public int KeptBytes => _bytes.Length;

    public static PackedMessage Pack(ReadOnlySpan<byte> message)
    {
        bool isPooled = message.Length <= PooledBytesMax;
        byte[] room = isPooled ? ArrayPool<byte>.Shared.Rent(message.Length) : new byte[message.Length];
        bool isCompressed = BrotliEncoder.TryCompress(message, room.AsSpan(0, message.Length), out int written, Quality, Window);
        byte[] bytes = isCompressed ? room[..written] : message.ToArray();
        if (isPooled)
        {
            ArrayPool<byte>.Shared.Return(room);
        }

        return new PackedMessage(bytes, message.Length, isCompressed);
    }

    /// <summary>As it is, for what is read again at once.</summary>
    public static PackedMessage Plain(ReadOnlySpan<byte> message) => new(message.ToArray(), message.Length, isCompressed: false);

    /// <summary>The message's bytes; not to be written to.</summary>
    public byte[] Unpack()
    {
        if (!_isCompressed)
        {
            return _bytes;
        }

        byte[] message = new byte[Length];
        return BrotliDecoder.TryDecompress(_bytes, message, out int written) && written == Length
            ? message
            : throw new InvalidDataException("The kept bytes of a resource do not decompress.");
    }
}
