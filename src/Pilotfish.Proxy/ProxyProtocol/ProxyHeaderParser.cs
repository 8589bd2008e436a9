using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.ProxyProtocol;

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
    private const int TlvHeaderBytes = 3;
    private const int Local = 0;
    private const byte Ip4Stream = 0x11;
    private const byte Ip4Datagram = 0x12;
    private const byte Ip6Stream = 0x21;
    private const byte Ip6Datagram = 0x22;

    /// <summary>Addresses and TLVs of version 2; a header that claims more is refused.</summary>
    public const int HeaderBytesMax = 16 + 4096;

    internal static ReadOnlySpan<byte> Signature2 => "\r\n\r\n\0\r\nQUIT\n"u8;

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

    /// <summary>1 or 2, of bytes that begin like a header.</summary>
    public static int VersionOf(ReadOnlySpan<byte> bytes) => StartsLike(bytes, Signature2) ? 2 : 1;

    /// <summary>Takes the next TLV off the front; false when its length runs over the end.</summary>
    public static bool TryTakeTlv(ref ReadOnlySpan<byte> bytes, out byte type, out ReadOnlySpan<byte> value)
    {
        type = bytes[0];
        value = default;
        if (bytes.Length < TlvHeaderBytes)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]);
        if (bytes.Length < TlvHeaderBytes + length)
        {
            return false;
        }

        value = bytes.Slice(TlvHeaderBytes, length);
        bytes = bytes[(TlvHeaderBytes + length)..];
        return true;
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

        // A sender that speaks for itself, and families without ports (unspecified, Unix), leave the connection's own addresses;
        // what follows them is skipped whole.
        ReadOnlySpan<byte> body = bytes.Slice(FixedBytes, length);
        int addresses = command == Local ? 0 : bytes[13] switch
        {
            Ip4Stream or Ip4Datagram => Ip4Bytes,
            Ip6Stream or Ip6Datagram => Ip6Bytes,
            _ => 0,
        };
        if (addresses == 0)
        {
            header = new ProxyHeader(FixedBytes + length, FixedBytes + length, false, default, default);
            return ProxyHeaderStatus.Done;
        }

        if (length < addresses)
        {
            return ProxyHeaderStatus.Malformed;
        }

        (NetAddress source, NetAddress destination) = addresses == Ip4Bytes
            ? (NetAddress.IPv4(BinaryPrimitives.ReadUInt32BigEndian(body), BinaryPrimitives.ReadUInt16BigEndian(body[8..])),
                NetAddress.IPv4(BinaryPrimitives.ReadUInt32BigEndian(body[4..]), BinaryPrimitives.ReadUInt16BigEndian(body[10..])))
            : (NetAddress.IPv6(BinaryPrimitives.ReadUInt128BigEndian(body), BinaryPrimitives.ReadUInt16BigEndian(body[32..])),
                NetAddress.IPv6(BinaryPrimitives.ReadUInt128BigEndian(body[16..]), BinaryPrimitives.ReadUInt16BigEndian(body[34..])));
        if (!IsUnicast(source) || !IsUnicast(destination))
        {
            return ProxyHeaderStatus.Malformed;
        }

        header = new ProxyHeader(FixedBytes + length, FixedBytes + addresses, true, source, destination);
        return ProxyHeaderStatus.Done;
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
            header = new ProxyHeader(end + 2, end + 2, false, default, default);
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

        header = new ProxyHeader(end + 2, end + 2, true, source, destination);
        return ProxyHeaderStatus.Done;
    }

    private static bool TryRead(string ip, string portText, AddressFamilyKind family, out NetAddress address)
    {
        address = default;
        // A zone names an interface of the machine that wrote it.
        return NetAddress.TryParsePort(portText, out ushort port) && !ip.Contains('%', StringComparison.Ordinal)
            && NetAddress.TryParseIp(ip, port, out address) && address.Kind == family && IsUnicast(address);
    }

    /// <summary>TCP knows no other peers.</summary>
    private static bool IsUnicast(NetAddress address)
    {
        const uint Multicast4 = 0xE;
        UInt128 bits = address.IpBits;
        return !address.IsAny && (address.Kind == AddressFamilyKind.IPv4
            ? (uint)bits >> 28 != Multicast4 && (uint)bits != uint.MaxValue
            : bits >> 120 != 0xFF);
    }
}
