using System.IO.Compression;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// The last accepted version of a resource, for later subscribers and for /config_dump. Its bytes are kept compressed: a mesh's
/// resources repeat themselves, and they are read only when a person or a new owner asks.
/// </summary>
internal sealed class HeldResource
{
    // Favours speed: a push of thousands of resources compresses on the main loop.
    private const int Quality = 1;
    private const int Window = 16;

    private readonly byte[] _bytes;
    private readonly int _length;
    private readonly bool _isCompressed;

    public HeldResource(string name, ReadOnlySpan<byte> message, string version, DateTimeOffset updated)
    {
        Name = name;
        Version = version;
        Updated = updated;
        _length = message.Length;
        byte[] room = new byte[message.Length];
        _isCompressed = BrotliEncoder.TryCompress(message, room, out int written, Quality, Window);
        _bytes = _isCompressed ? room[..written] : message.ToArray();
    }

    public string Name { get; }

    public string Version { get; }

    public DateTimeOffset Updated { get; }

    public int KeptBytes => _bytes.Length;

    public byte[] Message()
    {
        if (!_isCompressed)
        {
            return _bytes;
        }

        byte[] message = new byte[_length];
        return BrotliDecoder.TryDecompress(_bytes, message, out int written) && written == _length
            ? message
            : throw new InvalidDataException($"The kept bytes of resource '{Name}' do not decompress.");
    }
}
