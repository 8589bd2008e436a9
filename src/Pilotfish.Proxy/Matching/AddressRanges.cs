using Envoy.Extensions.Matching.InputMatchers.Ip.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Matching;

/// <summary>The input matcher of addresses, <c>envoy.extensions.matching.input_matchers.ip.v3.Ip</c>; its stat_prefix has no statistic here.</summary>
internal static class AddressRanges
{
    public const string MessageName = "envoy.extensions.matching.input_matchers.ip.v3.Ip";

    public static CidrRange[] Read(ExtensionConfig config)
    {
        Ip ip = config.Parse(Ip.Parser);
        var ranges = new CidrRange[ip.CidrRanges.Count];
        for (int i = 0; i < ranges.Length; i++)
        {
            ranges[i] = NetAddress.TryParseIp(ip.CidrRanges[i].AddressPrefix, 0, out NetAddress address)
                ? CidrRange.Create(address, (int)Math.Min(ip.CidrRanges[i].PrefixLen ?? 0, 128))
                : throw new ConfigRejectedException(
                    $"{config.Field}.cidr_ranges[{i}].address_prefix", $"'{ip.CidrRanges[i].AddressPrefix}' is not an IP address");
        }

        return ranges.Length > 0 ? ranges : throw new ConfigRejectedException($"{config.Field}.cidr_ranges", "it has no range");
    }
}
