using System.Buffers.Binary;
using System.Text;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>Writes PROXY headers (haproxy.org/download/2.9/doc/proxy-protocol.txt, sections 2.1 and 2.2).</summary>
internal static class ProxyHeaderWriter
{
    private const int LengthBytesMax = ushort.MaxValue;

    /// <summary>Addresses of both kinds at once, or none, are told as UNKNOWN.</summary>
    public static byte[] Version1(NetAddress source, NetAddress destination) => Encoding.ASCII.GetBytes(
        source.IsIp && source.Kind == destination.Kind
            ? $"PROXY {(source.Kind == AddressFamilyKind.IPv4 ? "TCP4" : "TCP6")} {source.IpToString()} {destination.IpToString()} "
                + $"{source.Port} {destination.Port}\r\n"
            : "PROXY UNKNOWN\r\n");

    /// <summary>The sender speaks for itself.</summary>
    public static byte[] Version2Local() => [.. ProxyHeaderParser.Signature2, 0x20, 0, 0, 0];

    /// <summary>TLVs that do not fit into the 16-bit length are left out, and <paramref name="omitted"/> says so.</summary>
    public static byte[] Version2(NetAddress source, NetAddress destination, IReadOnlyList<ProxyTlv> tlvs, out bool omitted)
    {
        omitted = false;
        if (!source.IsIp || source.Kind != destination.Kind)
        {
            return Version2Local();
        }

        bool is4 = source.Kind == AddressFamilyKind.IPv4;
        int ipBytes = is4 ? 4 : 16;
        var body = new List<byte>();
        Span<byte> ip = stackalloc byte[16];
        foreach (NetAddress address in (ReadOnlySpan<NetAddress>)[source, destination])
        {
            address.TryWriteIpBytes(ip, out _);
            body.AddRange(ip[..ipBytes]);
        }

        AddNumber(body, source.Port);
        AddNumber(body, destination.Port);
        foreach (ProxyTlv tlv in tlvs)
        {
            if (body.Count + 3 + tlv.Value.Length > LengthBytesMax)
            {
                omitted = true;
                continue;
            }

            body.Add(tlv.Type);
            AddNumber(body, tlv.Value.Length);
            body.AddRange(tlv.Value.Span);
        }

        var header = new List<byte>([.. ProxyHeaderParser.Signature2, 0x21, (byte)(is4 ? 0x11 : 0x21)]);
        AddNumber(header, body.Count);
        header.AddRange(body);
        return [.. header];
    }

    private static void AddNumber(List<byte> bytes, int number)
    {
        Span<byte> two = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(two, (ushort)number);
        bytes.AddRange(two);
    }
}
