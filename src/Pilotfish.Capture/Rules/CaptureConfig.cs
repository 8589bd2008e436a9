using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// What to capture: the whole, checked input of the rule planner. Nothing below this record reads flags, the
/// environment or the machine, so iptables, nftables and the CNI plugin come to the same rules.
/// </summary>
internal sealed record CaptureConfig
{
    public const ushort DefaultOutboundPort = 15001;
    public const ushort DefaultInboundPort = 15006;
    public const ushort DefaultTunnelPort = 15008;
    public const uint DefaultTproxyMark = 1337;
    public const uint DefaultTproxyRouteTable = 133;
    public const string DefaultProxyUser = "1337";

    /// <summary>Where the agent's DNS proxy listens.</summary>
    public const ushort DnsProxyPort = 15053;

    /// <summary>Marks what the proxy sends to its own pod, so that TPROXY lets only that come back in over loopback.</summary>
    public const uint TproxyOutboundMark = 1338;

    public ushort OutboundPort { get; init; } = DefaultOutboundPort;

    public ushort InboundPort { get; init; } = DefaultInboundPort;

    public ushort TunnelPort { get; init; } = DefaultTunnelPort;

    public ImmutableArray<string> ProxyUids { get; init; } = [DefaultProxyUser];

    public ImmutableArray<string> ProxyGids { get; init; } = [DefaultProxyUser];

    public InterceptionMode InboundMode { get; init; } = InterceptionMode.Redirect;

    public PortSelection InboundPorts { get; init; } = PortSelection.None;

    public ImmutableArray<ushort> InboundPortsExcluded { get; init; } = [];

    public CidrSelection OutboundCidrs { get; init; } = CidrSelection.None;

    public CidrSelection OutboundCidrsExcluded { get; init; } = CidrSelection.None;

    public ImmutableArray<ushort> OutboundPorts { get; init; } = [];

    public ImmutableArray<ushort> OutboundPortsExcluded { get; init; } = [];

    public ImmutableArray<string> InterfacesExcluded { get; init; } = [];

    public ImmutableArray<string> InterfacesRerouted { get; init; } = [];

    public OwnerGroupFilter OwnerGroups { get; init; } = OwnerGroupFilter.Everyone;

    public IpCidr LoopbackV4 { get; init; } = IpCidr.LoopbackV4;

    public uint TproxyMark { get; init; } = DefaultTproxyMark;

    public uint TproxyRouteTable { get; init; } = DefaultTproxyRouteTable;

    public bool RedirectDns { get; init; }

    public bool CaptureAllDns { get; init; }

    public DnsServers DnsServers { get; init; } = DnsServers.None;

    public bool DropInvalid { get; init; }

    public bool IPv6 { get; init; }

    /// <summary>DNS rules without a resolver to name would catch nothing, yet change the loopback rules; then DNS stays alone.</summary>
    public bool DnsIsCaptured => RedirectDns && (CaptureAllDns || !DnsServers.IsEmpty);

    /// <summary>TPROXY changes anything only when something inbound is captured.</summary>
    public bool TproxyRoutesAreNeeded => InboundMode == InterceptionMode.Tproxy && !InboundPorts.IsEmpty;
}
