using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Sockets;
using CidrMessage = Envoy.Config.Core.V3.CidrRange;

namespace Pilotfish.Proxy.Matching;

/// <summary>
/// The input matcher of addresses, <c>envoy.extensions.matching.input_matchers.ip.v3.Ip</c>: <c>repeated CidrRange cidr_ranges = 1</c>; its
/// stat_prefix has no statistic here.
/// </summary>
internal static class AddressRanges
{
    public const string MessageName = "envoy.extensions.matching.input_matchers.ip.v3.Ip";

    private const int RangesField = 1;

    public static CidrRange[] Read(ExtensionConfig config)
    {
        if (config.Fields is not null)
        {
            throw new ConfigRejectedException(config.Field, "it must not come as a TypedStruct");
        }

        List<CidrRange> ranges = [];
        try
        {
            CodedInputStream input = config.Value.CreateCodedInput();
            while (input.ReadTag() is uint tag and not 0)
            {
                if (WireFormat.GetTagFieldNumber(tag) != RangesField)
                {
                    input.SkipLastField();
                    continue;
                }

                var range = new CidrMessage();
                input.ReadMessage(range);
                ranges.Add(NetAddress.TryParseIp(range.AddressPrefix, 0, out NetAddress address)
                    ? CidrRange.Create(address, (int)Math.Min(range.PrefixLen ?? 0, 128))
                    : throw new ConfigRejectedException(
                        $"{config.Field}.cidr_ranges[{ranges.Count}].address_prefix", $"'{range.AddressPrefix}' is not an IP address"));
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException(config.Field, $"the config is not a valid {config.MessageName}: {e.Message}", e);
        }

        return ranges.Count > 0 ? [.. ranges] : throw new ConfigRejectedException($"{config.Field}.cidr_ranges", "it has no range");
    }
}
