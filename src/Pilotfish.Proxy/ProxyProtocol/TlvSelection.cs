using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>pass_through_tlvs: which types go on; none without it. Immutable.</summary>
internal sealed class TlvSelection
{
    private readonly bool _all;
    private readonly HashSet<byte> _types = [];

    public TlvSelection(ProxyProtocolPassThroughTLVs? config, string field)
    {
        _all = config is { MatchType: ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.IncludeAll };
        for (int i = 0; i < (config?.TlvType.Count ?? 0); i++)
        {
            _types.Add(TypeOf(config!.TlvType[i], $"{field}.tlv_type[{i}]"));
        }
    }

    public bool Contains(byte type) => _all || _types.Contains(type);

    /// <summary>A type is one byte on the wire.</summary>
    public static byte TypeOf(uint type, string field) => type <= byte.MaxValue
        ? (byte)type
        : throw new ConfigRejectedException(field, $"{type} is not between 0 and {byte.MaxValue}");
}
