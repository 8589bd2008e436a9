using Envoy.Config.Core.V3;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>pass_through_tlvs: which types go on; none without it. Immutable.</summary>
internal sealed class TlvSelection
{
    private readonly bool _all;
    private readonly HashSet<byte> _types = [];

    public TlvSelection(ProxyProtocolPassThroughTLVs? config)
    {
        _all = config is { MatchType: ProxyProtocolPassThroughTLVs.Types.PassTLVsMatchType.IncludeAll };
        foreach (uint type in config?.TlvType ?? [])
        {
            _types.Add((byte)type);
        }
    }

    public bool Contains(byte type) => _all || _types.Contains(type);
}
