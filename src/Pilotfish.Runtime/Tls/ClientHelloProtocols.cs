using System.Buffers.Binary;
using System.Text;

namespace Pilotfish.Runtime.Tls;

/// <summary>Finds the ALPN list (RFC 7301) in the TLS records of a whole ClientHello. SslStream does not tell it.</summary>
internal static class ClientHelloProtocols
{
    private const int RecordHeaderBytes = 5;
    private const byte HandshakeRecord = 22;
    private const int AlpnExtension = 16;

    /// <summary>The protocols in the client's order; empty when there are none or the bytes are not a ClientHello.</summary>
    internal static IReadOnlyList<string> Read(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        int length = Join(records, message);
        var reader = new Reader(message.AsSpan(0, length));
        // Handshake type and length, version, random; then session id, cipher suites, compression methods.
        if (!reader.Skip(4 + 2 + 32) || !reader.Block8(out _) || !reader.Block16(out _) || !reader.Block8(out _)
            || !reader.Block16(out ReadOnlySpan<byte> extensions))
        {
            return [];
        }

        var all = new Reader(extensions);
        while (all.Number16(out int type) && all.Block16(out ReadOnlySpan<byte> extension))
        {
            if (type == AlpnExtension)
            {
                return ReadList(extension);
            }
        }

        return [];
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
