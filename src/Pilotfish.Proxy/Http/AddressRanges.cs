using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Http;

/// <summary>A set of CIDR ranges (internal_address_config).</summary>
public sealed class AddressRanges
{
    public static readonly AddressRanges None = new([]);

    private readonly (AddressFamilyKind Kind, UInt128 Bits, int PrefixLength)[] _ranges;

    private AddressRanges((AddressFamilyKind Kind, UInt128 Bits, int PrefixLength)[] ranges) => _ranges = ranges;

    public static AddressRanges Compile(IList<CidrRange> ranges, string field)
    {
        var compiled = new (AddressFamilyKind, UInt128, int)[ranges.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            if (!NetAddress.TryParseIp(ranges[i].AddressPrefix, 0, out NetAddress address))
            {
                throw new ConfigRejectedException($"{field}[{i}].address_prefix", $"'{ranges[i].AddressPrefix}' is not an IP address");
            }

            compiled[i] = (address.Kind, address.IpBits, (int)(ranges[i].PrefixLen ?? 0));
        }

        return new AddressRanges(compiled);
    }

    public bool Contains(NetAddress address)
    {
        foreach ((AddressFamilyKind kind, UInt128 bits, int length) in _ranges)
        {
            int width = kind == AddressFamilyKind.IPv4 ? 32 : 128;
            if (address.Kind == kind && (length <= 0 || ((address.IpBits ^ bits) >> (width - Math.Min(length, width))) == UInt128.Zero))
            {
                return true;
            }
        }

        return false;
    }
}
