using System.Buffers.Binary;
using System.Text;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Reads SNI and ALPN from a TLS ClientHello (RFC 8446 sections 4.1.2 and 5.1) that may come in any number of records and
/// packets. Pure: bytes in, facts out; it is run again over all bytes when more came.
/// <code>
/// record: type(1)=22 version(2) length(2) fragment | handshake: type(1)=1 length(3) body
/// body: version(2) random(32) session_id(1+n) cipher_suites(2+n) compression(1+n) extensions(2+n)
/// </code>
/// </summary>
internal static class ClientHelloParser
{
    public const int RecordHeaderBytes = 5;
    private const byte HandshakeRecord = 22;
    private const byte ClientHello = 1;
    private const int HandshakeHeaderBytes = 4;
    private const int RandomBytes = 32;

    // RFC 8446 5.1: a record's fragment holds at most 2^14 bytes.
    private const int FragmentBytesMax = 1 << 14;
    private const ushort ServerNameExtension = 0;
    private const ushort AlpnExtension = 16;
    private const int ProtocolsMax = 64;

    /// <param name="bytes">What the client has sent so far.</param>
    /// <param name="scratch">Room for the handshake message put together from its records; as long as <paramref name="bytes"/>.</param>
    /// <param name="hello">The facts, when Done.</param>
    public static ClientHelloStatus Parse(ReadOnlySpan<byte> bytes, Span<byte> scratch, out ClientHelloFacts hello) =>
        Parse(bytes, scratch, out hello, out _);

    /// <param name="bytes">As above.</param>
    /// <param name="scratch">As above; the message stands at its beginning when Done.</param>
    /// <param name="hello">As above.</param>
    /// <param name="body">The message without its handshake header, within <paramref name="scratch"/>; empty unless Done.</param>
    public static ClientHelloStatus Parse(
        ReadOnlySpan<byte> bytes, Span<byte> scratch, out ClientHelloFacts hello, out ReadOnlySpan<byte> body)
    {
        hello = default;
        body = default;
        int length = 0;
        int needed = HandshakeHeaderBytes;
        while (length < needed)
        {
            if (bytes.IsEmpty)
            {
                return ClientHelloStatus.NeedMore;
            }

            if (bytes[0] != HandshakeRecord || (bytes.Length > 1 && bytes[1] != 3))
            {
                return ClientHelloStatus.NotTls;
            }

            if (bytes.Length < RecordHeaderBytes)
            {
                return ClientHelloStatus.NeedMore;
            }

            int fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
            if (fragment is 0 or > FragmentBytesMax)
            {
                return ClientHelloStatus.NotTls;
            }

            ReadOnlySpan<byte> present = bytes.Slice(RecordHeaderBytes, Math.Min(fragment, bytes.Length - RecordHeaderBytes));
            present.CopyTo(scratch[length..]);
            length += present.Length;
            if (length > 0 && scratch[0] != ClientHello)
            {
                return ClientHelloStatus.NotTls;
            }

            if (length >= HandshakeHeaderBytes)
            {
                needed = HandshakeHeaderBytes + ((scratch[1] << 16) | (scratch[2] << 8) | scratch[3]);
            }

            if (present.Length < fragment && length < needed)
            {
                return ClientHelloStatus.NeedMore;
            }

            bytes = bytes[(RecordHeaderBytes + present.Length)..];
        }

        if (!ParseBody(scratch[HandshakeHeaderBytes..needed], out hello))
        {
            return ClientHelloStatus.NotTls;
        }

        body = scratch[HandshakeHeaderBytes..needed];
        return ClientHelloStatus.Done;
    }

    private static bool ParseBody(ReadOnlySpan<byte> body, out ClientHelloFacts hello)
    {
        hello = new ClientHelloFacts(null, []);
        if (body.Length < 2 + RandomBytes)
        {
            return false;
        }

        body = body[(2 + RandomBytes)..];
        if (!TryTake(ref body, 1, out _) || !TryTake(ref body, 2, out _) || !TryTake(ref body, 1, out _))
        {
            return false;
        }

        // TLS 1.2 clients without extensions end here.
        if (body.IsEmpty)
        {
            return true;
        }

        if (!TryTake(ref body, 2, out ReadOnlySpan<byte> extensions))
        {
            return false;
        }

        string? serverName = null;
        IReadOnlyList<string> protocols = [];
        while (!extensions.IsEmpty)
        {
            if (extensions.Length < 4)
            {
                return false;
            }

            ushort type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            extensions = extensions[2..];
            if (!TryTake(ref extensions, 2, out ReadOnlySpan<byte> value))
            {
                return false;
            }

            bool valid = type switch
            {
                ServerNameExtension => TryReadServerName(value, out serverName),
                AlpnExtension => TryReadProtocols(value, out protocols),
                _ => true,
            };
            if (!valid)
            {
                return false;
            }
        }

        hello = new ClientHelloFacts(serverName, protocols);
        return true;
    }

    private static bool TryReadServerName(ReadOnlySpan<byte> value, out string? name)
    {
        name = null;
        if (!TryTake(ref value, 2, out ReadOnlySpan<byte> list))
        {
            return false;
        }

        while (!list.IsEmpty)
        {
            byte type = list[0];
            list = list[1..];
            if (!TryTake(ref list, 2, out ReadOnlySpan<byte> host))
            {
                return false;
            }

            // 0 is host_name; no other type was ever defined. Names compare without case.
            if (type == 0 && !host.IsEmpty)
            {
                name = Encoding.Latin1.GetString(host).ToLowerInvariant();
                return !host.Contains((byte)0);
            }
        }

        return true;
    }

    private static bool TryReadProtocols(ReadOnlySpan<byte> value, out IReadOnlyList<string> protocols)
    {
        var names = new List<string>();
        protocols = names;
        if (!TryTake(ref value, 2, out ReadOnlySpan<byte> list))
        {
            return false;
        }

        while (!list.IsEmpty)
        {
            if (!TryTake(ref list, 1, out ReadOnlySpan<byte> name) || name.IsEmpty || names.Count >= ProtocolsMax)
            {
                return false;
            }

            names.Add(Encoding.Latin1.GetString(name));
        }

        return true;
    }

    internal static bool TryTake(ref ReadOnlySpan<byte> bytes, int lengthBytes, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (bytes.Length < lengthBytes)
        {
            return false;
        }

        int length = lengthBytes == 1 ? bytes[0] : BinaryPrimitives.ReadUInt16BigEndian(bytes);
        if (bytes.Length < lengthBytes + length)
        {
            return false;
        }

        value = bytes.Slice(lengthBytes, length);
        bytes = bytes[(lengthBytes + length)..];
        return true;
    }
}
