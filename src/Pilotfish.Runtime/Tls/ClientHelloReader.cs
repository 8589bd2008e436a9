using System.Buffers.Binary;
using System.Text;

namespace Pilotfish.Runtime.Tls;

/// <summary>Reads the TLS records of a ClientHello: whether it is all there, server name, ALPN (RFC 7301), kinds of signature.</summary>
internal static class ClientHelloReader
{
    private const int RecordHeaderBytes = 5;
    private const byte HandshakeRecord = 22;
    private const int MessageHeaderBytes = 4;
    private const byte ClientHelloMessage = 1;
    private const int ServerNameExtension = 0;
    private const int AlpnExtension = 16;
    private const int SignatureAlgorithmsExtension = 13;
    private const int StatusRequestExtension = 5;
    private const int SupportedGroupsExtension = 10;
    private const int SupportedVersionsExtension = 43;

    /// <summary>The largest record: 2^14 bytes and what encryption of TLS 1.2 may add (RFC 5246 section 6.2.3).</summary>
    private const int RecordBytesMax = (16 * 1024) + 2048;

    /// <summary>How far the first bytes of a connection are a ClientHello.</summary>
    internal static ClientHelloProgress Measure(ReadOnlySpan<byte> records)
    {
        int length = 0;
        int wanted = MessageHeaderBytes;
        Span<byte> header = stackalloc byte[MessageHeaderBytes];
        while (true)
        {
            if (records.Length > 0 && (records[0] != HandshakeRecord || (records.Length > 1 && records[1] != 3)))
            {
                return ClientHelloProgress.Foreign;
            }

            if (records.Length < RecordHeaderBytes)
            {
                return ClientHelloProgress.NeedMore;
            }

            int size = BinaryPrimitives.ReadUInt16BigEndian(records[3..]);
            if (size is 0 or > RecordBytesMax)
            {
                return ClientHelloProgress.BadLength;
            }

            ReadOnlySpan<byte> body = records.Slice(RecordHeaderBytes, Math.Min(size, records.Length - RecordHeaderBytes));
            for (int i = 0; i < body.Length && length + i < MessageHeaderBytes; i++)
            {
                header[length + i] = body[i];
            }

            length += body.Length;
            if (length > 0 && header[0] != ClientHelloMessage)
            {
                return ClientHelloProgress.OtherMessage;
            }

            if (length >= MessageHeaderBytes)
            {
                wanted = MessageHeaderBytes + (BinaryPrimitives.ReadInt32BigEndian(header) & 0xFFFFFF);
                if (length >= wanted)
                {
                    return ClientHelloProgress.Complete;
                }
            }

            if (body.Length < size)
            {
                return ClientHelloProgress.NeedMore;
            }

            records = records[(RecordHeaderBytes + size)..];
        }
    }

    /// <summary>The host name of the server_name extension (RFC 6066 section 3); null without one.</summary>
    internal static string? ServerName(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        var outer = new Reader(Find(records, message, ServerNameExtension));
        if (outer.Block16(out ReadOnlySpan<byte> list))
        {
            var names = new Reader(list);
            while (names.Number8(out int type) && names.Block16(out ReadOnlySpan<byte> name))
            {
                if (type == 0 && !name.IsEmpty)
                {
                    return Encoding.Latin1.GetString(name);
                }
            }
        }

        return null;
    }

    /// <summary>The protocols in the client's order; empty when there are none or the bytes are not a ClientHello.</summary>
    internal static IReadOnlyList<string> Protocols(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        ReadOnlySpan<byte> extension = Find(records, message, AlpnExtension);
        return extension.IsEmpty ? [] : ReadList(extension);
    }

    /// <summary>
    /// Curves of EC certificates that the client takes: under TLS 1.3 by its signature schemes (RFC 8446 section 4.2.3), else by its
    /// groups (RFC 8422 section 5.1.1) when it knows an ecdsa scheme. None without the extensions.
    /// </summary>
    internal static EcdsaCurves EcdsaCurves(ReadOnlySpan<byte> records)
    {
        byte[] message = new byte[records.Length];
        EcdsaCurves bySignature = Curves(Find(records, message, SignatureAlgorithmsExtension), static scheme => scheme switch
        {
            0x0403 => Tls.EcdsaCurves.P256,
            0x0503 => Tls.EcdsaCurves.P384,
            0x0603 => Tls.EcdsaCurves.P521,
            _ => Tls.EcdsaCurves.None,
        });
        return bySignature == Tls.EcdsaCurves.None || Speaks13(Find(records, message, SupportedVersionsExtension))
            ? bySignature
            : Curves(Find(records, message, SupportedGroupsExtension), static group => group switch
            {
                23 => Tls.EcdsaCurves.P256,
                24 => Tls.EcdsaCurves.P384,
                25 => Tls.EcdsaCurves.P521,
                _ => Tls.EcdsaCurves.None,
            });
    }

    /// <summary>Whether the client asks for an OCSP response (status_request with ocsp, RFC 6066 section 8).</summary>
    internal static bool AsksForStaple(ReadOnlySpan<byte> records)
    {
        const int Ocsp = 1;
        byte[] message = new byte[records.Length];
        return new Reader(Find(records, message, StatusRequestExtension)).Number8(out int kind) && kind == Ocsp;
    }

    private static EcdsaCurves Curves(ReadOnlySpan<byte> extension, Func<int, EcdsaCurves> curveOf)
    {
        EcdsaCurves found = Tls.EcdsaCurves.None;
        var outer = new Reader(extension);
        if (outer.Block16(out ReadOnlySpan<byte> list))
        {
            var numbers = new Reader(list);
            while (numbers.Number16(out int number))
            {
                found |= curveOf(number);
            }
        }

        return found;
    }

    private static bool Speaks13(ReadOnlySpan<byte> extension)
    {
        const int Tls13 = 0x0304;
        var outer = new Reader(extension);
        if (outer.Block8(out ReadOnlySpan<byte> list))
        {
            var versions = new Reader(list);
            while (versions.Number16(out int version))
            {
                if (version == Tls13)
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

        internal bool Number8(out int number)
        {
            number = _left.IsEmpty ? 0 : _left[0];
            return Skip(1);
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
