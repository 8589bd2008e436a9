using System.Buffers.Binary;
using System.Text;

namespace Pilotfish.Runtime.Tls;

/// <summary>Finds what SslStream does not tell in the TLS records of a whole ClientHello: ALPN (RFC 7301), kinds of signature.</summary>
internal static class ClientHelloReader
{
    private const int RecordHeaderBytes = 5;
    private const byte HandshakeRecord = 22;
    private const int AlpnExtension = 16;
    private const int SignatureAlgorithmsExtension = 13;

    /// <summary>The protocols in the client's order; empty when there are none or the bytes are not a ClientHello.</summary>
    internal static IReadOnlyList<string> Protocols(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        ReadOnlySpan<byte> extension = Find(records, message, AlpnExtension);
        return extension.IsEmpty ? [] : ReadList(extension);
    }

    /// <summary>Whether signature_algorithms (RFC 8446 section 4.2.3) holds one of the ecdsa schemes. False without the extension.</summary>
    internal static bool AcceptsEcdsa(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        var outer = new Reader(Find(records, message, SignatureAlgorithmsExtension));
        if (outer.Block16(out ReadOnlySpan<byte> list))
        {
            var schemes = new Reader(list);
            while (schemes.Number16(out int scheme))
            {
                if (scheme is 0x0403 or 0x0503 or 0x0603)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> records, Span<byte> message, int wanted)
    {
        int length = Join(records, message);
        var reader = new Reader(message[..length]);
        // Handshake type and length, version, random; then session id, cipher suites, compression methods.
        if (!reader.Skip(4 + 2 + 32) || !reader.Block8(out _) || !reader.Block16(out _) || !reader.Block8(out _)
            || !reader.Block16(out ReadOnlySpan<byte> extensions))
        {
            return default;
        }

        var all = new Reader(extensions);
        while (all.Number16(out int type) && all.Block16(out ReadOnlySpan<byte> extension))
        {
            if (type == wanted)
            {
                return extension;
            }
        }

        return default;
    }

    private static List<string> ReadList(ReadOnlySpan<byte> extension)
    {
        var protocols = new List<string>();
        var outer = new Reader(extension);
        if (outer.Block16(out ReadOnlySpan<byte> list))
        {
            var names = new Reader(list);
            while (names.Block8(out ReadOnlySpan<byte> name))
            {
                protocols.Add(Encoding.Latin1.GetString(name));
            }
        }

        return protocols;
    }

    /// <summary>A ClientHello may be cut into several records.</summary>
    private static int Join(ReadOnlySpan<byte> records, Span<byte> message)
    {
        int length = 0;
        while (records.Length >= RecordHeaderBytes && records[0] == HandshakeRecord)
        {
            int size = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(records[3..]), records.Length - RecordHeaderBytes);
            records.Slice(RecordHeaderBytes, size).CopyTo(message[length..]);
            length += size;
            records = records[(RecordHeaderBytes + size)..];
        }

        return length;
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _left = bytes;

        internal bool Skip(int count)
        {
            if (_left.Length < count)
            {
                return false;
            }

            _left = _left[count..];
            return true;
        }

        internal bool Number16(out int number)
        {
            number = _left.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(_left) : 0;
            return Skip(2);
        }

        internal bool Block8(out ReadOnlySpan<byte> block)
        {
            int size = _left.IsEmpty ? 0 : _left[0];
            return Skip(1) & Take(size, out block);
        }

        internal bool Block16(out ReadOnlySpan<byte> block)
        {
            bool known = Number16(out int size);
            return Take(size, out block) && known;
        }

        private bool Take(int size, out ReadOnlySpan<byte> block)
        {
            block = size <= _left.Length ? _left[..size] : default;
            return Skip(size);
        }
    }
}
