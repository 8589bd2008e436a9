using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Network;

/// <summary>An IP prefix. IPv4 and IPv6 never match each other; an IPv4-mapped IPv6 address counts as IPv4.</summary>
public readonly record struct CidrRange(AddressFamilyKind Kind, UInt128 Bits, int Length)
{
    private const int Bits4 = 32;
    private const int Bits6 = 128;

    public static CidrRange Create(NetAddress address, int length)
    {
        NetAddress plain = address.Unmap();
        int width = Width(plain.Kind);
        int clamped = Math.Clamp(length, 0, width);
        return new CidrRange(plain.Kind, Mask(plain.IpBits, width, clamped), clamped);
    }

    public bool Contains(NetAddress address)
    {
        NetAddress plain = address.Unmap();
        return plain.Kind == Kind && Mask(plain.IpBits, Width(Kind), Length) == Bits;
    }

    internal static UInt128 Mask(UInt128 bits, int width, int length) =>
        length == 0 ? UInt128.Zero : bits >> (width - length) << (width - length);

    internal static int Width(AddressFamilyKind kind) => kind == AddressFamilyKind.IPv4 ? Bits4 : Bits6;
}
