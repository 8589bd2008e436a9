using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Interop;

/// <summary>NetAddress to and from struct sockaddr, byte by byte as the kernel lays it out.</summary>
internal static class NativeAddress
{
    internal const int AF_UNIX = 1;
    internal const int AF_INET = 2;
    internal const int AF_INET6 = 10;

    /// <summary>Room for the longest address: sockaddr_un is 2 bytes of family and 108 of path.</summary>
    internal const int SizeMax = 128;

    private const int InetSize = 16;
    private const int Inet6Size = 28;
    private const int UnixPathOffset = 2;
    private const int UnixPathMax = 108;

    internal static int Family(AddressFamilyKind kind) => kind switch
    {
        AddressFamilyKind.IPv4 => AF_INET,
        AddressFamilyKind.IPv6 => AF_INET6,
        _ => AF_UNIX,
    };

    /// <summary>Writes the address; 0 when it cannot be expressed (no address, or a Unix path over 107 bytes).</summary>
    internal static int Write(in NetAddress address, Span<byte> native)
    {
        native.Clear();
        MemoryMarshal.Write(native, (ushort)Family(address.Kind));
        switch (address.Kind)
        {
            case AddressFamilyKind.IPv4:
                BinaryPrimitives.WriteUInt16BigEndian(native[2..], address.Port);
                address.TryWriteIpBytes(native[4..], out _);
                return InetSize;
            case AddressFamilyKind.IPv6:
                BinaryPrimitives.WriteUInt16BigEndian(native[2..], address.Port);
                address.TryWriteIpBytes(native[8..], out _);
                MemoryMarshal.Write(native[24..], address.Scope);
                return Inet6Size;
            case AddressFamilyKind.Unix:
                return WriteUnix(address.UnixPath, native);
            default:
                return 0;
        }
    }

    internal static NetAddress Read(ReadOnlySpan<byte> native)
    {
        if (native.Length < 2)
        {
            return default;
        }

        switch (MemoryMarshal.Read<ushort>(native))
        {
            case AF_INET when native.Length >= 8:
                return NetAddress.IPv4(BinaryPrimitives.ReadUInt32BigEndian(native[4..]), BinaryPrimitives.ReadUInt16BigEndian(native[2..]));
            case AF_INET6 when native.Length >= Inet6Size:
                return NetAddress.IPv6(
                    BinaryPrimitives.ReadUInt128BigEndian(native[8..]),
                    BinaryPrimitives.ReadUInt16BigEndian(native[2..]),
                    MemoryMarshal.Read<uint>(native[24..]));
            case AF_UNIX:
                return NetAddress.Unix(ReadUnixPath(native[UnixPathOffset..]));
            default:
                return default;
        }
    }

    private static int WriteUnix(string path, Span<byte> native)
    {
        Span<byte> target = native.Slice(UnixPathOffset, UnixPathMax - 1);
        if (path.Length == 0 || !Encoding.UTF8.TryGetBytes(path, target, out int written))
        {
            return 0;
        }

        if (path[0] == '@')
        {
            // An abstract name begins with a NUL byte and has no terminator; its length is part of the address.
            target[0] = 0;
            return UnixPathOffset + written;
        }

        return UnixPathOffset + written + 1;
    }

    private static string ReadUnixPath(ReadOnlySpan<byte> path)
    {
        if (path.IsEmpty)
        {
            return "";
        }

        if (path[0] == 0)
        {
            return path.Length == 1 ? "" : "@" + Encoding.UTF8.GetString(path[1..]);
        }

        int end = path.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? path : path[..end]);
    }
}
