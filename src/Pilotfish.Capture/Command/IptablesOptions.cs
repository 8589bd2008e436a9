using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Command;

/// <summary>Everything that one run of istio-iptables was told, checked. What it must find out itself is still open.</summary>
internal sealed record IptablesOptions
{
    /// <summary>Rules of capture, with IPv6 and resolvers not yet decided.</summary>
    public required CaptureConfig Capture { get; init; }

    /// <summary>Null: decide by the addresses of the pod.</summary>
    public required bool? IPv6 { get; init; }

    /// <summary>Null: those of resolv.conf.</summary>
    public required DnsServers? DnsServers { get; init; }

    public required bool DualStack { get; init; }

    public required bool DryRun { get; init; }

    public required bool SkipRuleApply { get; init; }

    public required bool RunValidation { get; init; }

    public required bool Reconcile { get; init; }

    public required bool CleanupOnly { get; init; }

    public required bool ForceApply { get; init; }

    public required bool NativeNftables { get; init; }

    public required bool CniMode { get; init; }

    public required string ForceBinary { get; init; }

    /// <summary>A path, or empty for the namespace this process is in.</summary>
    public required string NetworkNamespace { get; init; }

    public required ushort ProbePort { get; init; }

    public required TimeSpan ProbeTimeout { get; init; }

    public static IptablesOptions Read(
        IReadOnlyDictionary<string, FlagValue> flags, IReadOnlyDictionary<string, string> environment)
    {
        var reader = new FlagReader(flags);
        return new IptablesOptions
        {
            Capture = ReadCapture(reader, environment),
            IPv6 = reader.OneOf(IptablesFlags.IPv6, "auto", "true", "false") switch
            {
                "true" => true,
                "false" => false,
                _ => null,
            },
            DnsServers = reader.DnsServers(IptablesFlags.DnsServers),
            DualStack = reader.Switch(IptablesFlags.DualStack),
            DryRun = reader.Switch(IptablesFlags.DryRun),
            SkipRuleApply = reader.Switch(IptablesFlags.SkipRuleApply),
            RunValidation = reader.Switch(IptablesFlags.RunValidation),
            Reconcile = reader.Switch(IptablesFlags.Reconcile),
            CleanupOnly = reader.Switch(IptablesFlags.CleanupOnly),
            ForceApply = reader.Switch(IptablesFlags.ForceApply),
            NativeNftables = reader.Switch(IptablesFlags.NativeNftables),
            CniMode = reader.Switch(IptablesFlags.CniMode),
            ForceBinary = reader.OneOf(IptablesFlags.ForceBinary, string.Empty, "legacy", "nft"),
            NetworkNamespace = ReadNamespace(flags[IptablesFlags.NetworkNamespace]),
            ProbePort = reader.Port(IptablesFlags.ProbePort),
            ProbeTimeout = reader.Duration(IptablesFlags.ProbeTimeout),
        };
    }

    private static CaptureConfig ReadCapture(FlagReader reader, IReadOnlyDictionary<string, string> environment)
    {
        var uids = reader.Owners(IptablesFlags.ProxyUid);
        if (uids.IsEmpty)
        {
            uids = [HostFacts.DefaultProxyUid(environment.GetValueOrDefault(IptablesFlags.EnvoyUserVariable, "istio-proxy"))];
        }

        var gids = reader.Owners(IptablesFlags.ProxyGid);
        string mode = reader.OneOf(IptablesFlags.Mode, string.Empty, "REDIRECT", "TPROXY");
        string loopback = environment.GetValueOrDefault(IptablesFlags.LoopbackCidrVariable, IpCidr.LoopbackV4.ToString());
        return new CaptureConfig
        {
            OutboundPort = reader.Port(IptablesFlags.EnvoyPort),
            InboundPort = reader.Port(IptablesFlags.InboundCapturePort),
            TunnelPort = reader.Port(IptablesFlags.InboundTunnelPort),
            ProxyUids = uids,
            ProxyGids = gids.IsEmpty ? uids : gids,
            InboundMode = mode == "TPROXY" ? InterceptionMode.Tproxy : InterceptionMode.Redirect,
            InboundPorts = reader.PortsOrAll(IptablesFlags.InboundPorts),
            InboundPortsExcluded = reader.Ports(IptablesFlags.InboundExclude),
            OutboundCidrs = reader.CidrsOrAll(IptablesFlags.ServiceCidr),
            OutboundCidrsExcluded = reader.Cidrs(IptablesFlags.ServiceExcludeCidr),
            OutboundPorts = reader.Ports(IptablesFlags.OutboundPorts),
            OutboundPortsExcluded = reader.Ports(IptablesFlags.OutboundExclude),
            InterfacesExcluded = reader.Interfaces(IptablesFlags.ExcludeInterfaces),
            InterfacesRerouted = reader.Interfaces(IptablesFlags.KubeVirtInterfaces),
            OwnerGroups = ReadOwnerGroups(environment),
            LoopbackV4 = FlagReader.LoopbackCidr(IptablesFlags.LoopbackCidrVariable, loopback),
            TproxyMark = reader.Number(IptablesFlags.TproxyMark, min: 1),
            TproxyRouteTable = reader.Number(IptablesFlags.TproxyRouteTable, min: 1),
            RedirectDns = reader.Switch(IptablesFlags.RedirectDns),
            CaptureAllDns = reader.Switch(IptablesFlags.CaptureAllDns),
            DropInvalid = reader.Switch(IptablesFlags.DropInvalid),
        };
    }

    private static OwnerGroupFilter ReadOwnerGroups(IReadOnlyDictionary<string, string> environment)
    {
        string include = environment.GetValueOrDefault(IptablesFlags.OwnerGroupsVariable, "*");
        string exclude = environment.GetValueOrDefault(IptablesFlags.OwnerGroupsExcludeVariable, string.Empty);
        if (include == "*")
        {
            return new OwnerGroupFilter(true, FlagReader.Groups(IptablesFlags.OwnerGroupsExcludeVariable, exclude));
        }

        var groups = FlagReader.Groups(IptablesFlags.OwnerGroupsVariable, include);
        return groups.Length <= OwnerGroupFilter.IncludedGroupsMax
            ? new OwnerGroupFilter(false, groups)
            : throw new CaptureException(
                $"{IptablesFlags.OwnerGroupsVariable}: {groups.Length} groups are listed; at most "
                + $"{OwnerGroupFilter.IncludedGroupsMax} are allowed, since they become one rule.");
    }

    private static string ReadNamespace(FlagValue flag)
    {
        if (flag.Text.Length == 0)
        {
            return string.Empty;
        }

        string path = flag.Text.StartsWith('/') ? flag.Text : "/var/run/netns/" + flag.Text;
        bool named = flag.Text.StartsWith('/') || flag.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return named && File.Exists(path)
            ? path
            : throw FlagReader.Refuse(flag, flag.Text, "must be the path or the name of a network namespace that exists");
    }
}
