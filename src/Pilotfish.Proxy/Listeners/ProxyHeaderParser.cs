using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt). Pure; run again over all bytes when
/// more came.
/// </summary>
internal static class ProxyHeaderParser
{
    /// <summary>Section 2.1: a version 1 line has at most 107 bytes with its CRLF.</summary>
    private const int LineBytesMax = 107;

    private const int FixedBytes = 16;
    private const int Ip4Bytes = 12;
    private const int Ip6Bytes = 36;

    /// <summary>Addresses and TLVs of version 2; a header that claims more is refused.</summary>
    public const int HeaderBytesMax = 16 + 4096;

    private static ReadOnlySpan<byte> Signature2 => "\r\n\r\n\0\r\nQUIT\n"u8;

    private static ReadOnlySpan<byte> Signature1 => "PROXY "u8;

    public static ProxyHeaderStatus Parse(ReadOnlySpan<byte> bytes, out ProxyHeader header)
    {
        header = default;
        if (StartsLike(bytes, Signature2))
        {
            return bytes.Length < FixedBytes ? ProxyHeaderStatus.NeedMore : ParseBinary(bytes, out header);
        }

        if (StartsLike(bytes, Signature1))
        {
            return bytes.Length < Signature1.Length ? ProxyHeaderStatus.NeedMore : ParseLine(bytes, out header);
        }

        return ProxyHeaderStatus.Absent;
    }

    private static bool StartsLike(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature)
    {
        int common = Math.Min(bytes.Length, signature.Length);
        return bytes[..common].SequenceEqual(signature[..common]);
    }

    private static ProxyHeaderStatus ParseBinary(ReadOnlySpan<byte> bytes, out ProxyHeader header)
    {
        header = default;
        int version = bytes[12] >> 4;
        int command = bytes[12] & 0xf;
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (version != 2 || command > 1 || FixedBytes + length > HeaderBytesMax)
        {
            return ProxyHeaderStatus.Malformed;
        }

        if (bytes.Length < FixedBytes + length)
        {
            return ProxyHeaderStatus.NeedMore;
        }

        ReadOnlySpan<byte> body = bytes.Slice(FixedBytes, length);
        bool speaksForItself = command == 0;
        switch (bytes[13])
        {
            case 0x11 when !speaksForItself && length >= Ip4Bytes:
                header = new ProxyHeader(FixedBytes + length, true,
                    NetAddress.IPv4(BinaryPrimitives.ReadUInt32BigEndian(body), BinaryPrimitives.ReadUInt16BigEndian(body[8..])),
                    NetAddress.IPv4(BinaryPrimitives.ReadUInt32BigEndian(body[4..]), BinaryPrimitives.ReadUInt16BigEndian(body[10..])),
                    2);
                return ProxyHeaderStatus.Done;
            case 0x21 when !speaksForItself && length >= Ip6Bytes:
                header = new ProxyHeader(FixedBytes + length, true,
                    NetAddress.IPv6(BinaryPrimitives.ReadUInt128BigEndian(body), BinaryPrimitives.ReadUInt16BigEndian(body[32..])),
                    NetAddress.IPv6(BinaryPrimitives.ReadUInt128BigEndian(body[16..]), BinaryPrimitives.ReadUInt16BigEndian(body[34..])),
                    2);
                return ProxyHeaderStatus.Done;
            case 0x11 or 0x21 when !speaksForItself:
                return ProxyHeaderStatus.Malformed;
            default:
                header = new ProxyHeader(FixedBytes + length, false, default, default, 2);
                return ProxyHeaderStatus.Done;
        }
    }

    private static ProxyHeaderStatus ParseLine(ReadOnlySpan<byte> bytes, out ProxyHeader header)
    {
        header = default;
        int end = bytes[..Math.Min(bytes.Length, LineBytesMax)].IndexOf("\r\n"u8);
        if (end < 0)
        {
            return bytes.Length >= LineBytesMax ? ProxyHeaderStatus.Malformed : ProxyHeaderStatus.NeedMore;
        }

        string[] parts = Encoding.ASCII.GetString(bytes[Signature1.Length..end]).Split(' ');
        if (parts[0] == "UNKNOWN")
        {
            header = new ProxyHeader(end + 2, false, default, default, 1);
            return ProxyHeaderStatus.Done;
        }

        AddressFamilyKind family = parts[0] switch
        {
            "TCP4" => AddressFamilyKind.IPv4,
            "TCP6" => AddressFamilyKind.IPv6,
            _ => AddressFamilyKind.None,
        };
        if (parts.Length != 5 || !TryRead(parts[1], parts[3], family, out NetAddress source)
            || !TryRead(parts[2], parts[4], family, out NetAddress destination))
        {
            return ProxyHeaderStatus.Malformed;
        }

        header = new ProxyHeader(end + 2, true, source, destination, 1);
        return ProxyHeaderStatus.Done;
    }

    private static bool TryRead(string ip, string portText, AddressFamilyKind family, out NetAddress address)
    {
        address = default;
        return ushort.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            && NetAddress.TryParseIp(ip, port, out address) && address.Kind == family;
    }
}
