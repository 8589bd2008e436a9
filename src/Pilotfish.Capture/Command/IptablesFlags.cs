namespace Pilotfish.Capture.Command;

/// <summary>The flags of istio-iptables with their variables and defaults, and two of our own at the end.</summary>
internal static class IptablesFlags
{
    public const string EnvoyPort = "envoy-port";
    public const string InboundCapturePort = "inbound-capture-port";
    public const string InboundTunnelPort = "inbound-tunnel-port";
    public const string ProxyUid = "proxy-uid";
    public const string ProxyGid = "proxy-gid";
    public const string Mode = "istio-inbound-interception-mode";
    public const string InboundPorts = "istio-inbound-ports";
    public const string InboundExclude = "istio-local-exclude-ports";
    public const string ExcludeInterfaces = "istio-exclude-interfaces";
    public const string ServiceCidr = "istio-service-cidr";
    public const string ServiceExcludeCidr = "istio-service-exclude-cidr";
    public const string OutboundPorts = "istio-outbound-ports";
    public const string OutboundExclude = "istio-local-outbound-ports-exclude";
    public const string KubeVirtInterfaces = "kube-virt-interfaces";
    public const string TproxyMark = "istio-inbound-tproxy-mark";
    public const string TproxyRouteTable = "istio-inbound-tproxy-route-table";
    public const string DryRun = "dry-run";
    public const string ProbePort = "iptables-probe-port";
    public const string ProbeTimeout = "probe-timeout";
    public const string SkipRuleApply = "skip-rule-apply";
    public const string RunValidation = "run-validation";
    public const string RedirectDns = "redirect-dns";
    public const string DropInvalid = "drop-invalid";
    public const string DualStack = "dual-stack";
    public const string CaptureAllDns = "capture-all-dns";
    public const string NetworkNamespace = "network-namespace";
    public const string CniMode = "cni-mode";
    public const string Reconcile = "reconcile";
    public const string CleanupOnly = "cleanup-only";
    public const string ForceApply = "force-apply";
    public const string NativeNftables = "native-nftables";
    public const string ForceBinary = "force-iptables-binary";
    public const string IPv6 = "ipv6";
    public const string DnsServers = "dns-servers";
    public const string Help = "help";

    public const string OwnerGroupsVariable = "ISTIO_OUTBOUND_OWNER_GROUPS";
    public const string OwnerGroupsExcludeVariable = "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE";
    public const string LoopbackCidrVariable = "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR";
    public const string EnvoyUserVariable = "ENVOY_USER";

    public static readonly IReadOnlyList<FlagDefinition> All =
    [
        // The only flag that no variable sets: ENVOY_PORT means something else in many images.
        new(EnvoyPort, 'p', "15001", false, "port that outbound TCP is redirected to"),
        Text(InboundCapturePort, 'z', "15006", "port that inbound TCP is redirected to"),
        Text(InboundTunnelPort, 'e', "15008", "tunnel port, never captured"),
        Text(ProxyUid, 'u', string.Empty, "uids whose packets are exempt (user istio-proxy, else 1337)"),
        Text(ProxyGid, 'g', string.Empty, "gids whose packets are exempt (the uids)"),
        Text(Mode, 'm', string.Empty, "REDIRECT or TPROXY, for inbound"),
        Text(InboundPorts, 'b', string.Empty, "inbound ports to capture, or *; empty captures none"),
        Text(InboundExclude, 'd', string.Empty, "inbound ports left alone, with -b '*'"),
        Text(ExcludeInterfaces, 'c', string.Empty, "interfaces left alone both ways"),
        Text(ServiceCidr, 'i', string.Empty, "outbound ranges to capture, or *"),
        Text(ServiceExcludeCidr, 'x', string.Empty, "outbound ranges left alone"),
        Text(OutboundPorts, 'q', string.Empty, "outbound ports captured outside -i too"),
        Text(OutboundExclude, 'o', string.Empty, "outbound ports left alone"),
        Text(KubeVirtInterfaces, 'k', string.Empty, "interfaces whose arriving traffic is outbound"),
        Text(TproxyMark, 't', "1337", "packet mark of TPROXY"),
        Text(TproxyRouteTable, 'r', "133", "routing table of TPROXY"),
        Switch(DryRun, 'n', "print the rules, change nothing"),
        Text(ProbePort, null, "15002", "port that validation dials"),
        Text(ProbeTimeout, null, "5s", "how long validation tries"),
        Switch(SkipRuleApply, null, "leave the rules as they are"),
        Switch(RunValidation, null, "check that capture works; exit 126 if not"),
        Switch(RedirectDns, null, "take DNS to the agent", "ISTIO_META_DNS_CAPTURE"),
        Switch(DropInvalid, null, "drop packets of no known connection", "INVALID_DROP"),
        Switch(DualStack, null, "IPv6 rules beside an IPv4 address", "ISTIO_DUAL_STACK"),
        Switch(CaptureAllDns, null, "DNS to any server, not only the pod's resolvers"),
        Text(NetworkNamespace, null, string.Empty, "namespace (path or name) to set the rules in"),
        Switch(CniMode, null, "rules are set from the node: a lock per pod"),
        Switch(Reconcile, null, "replace differing rules of an earlier run"),
        Switch(CleanupOnly, null, "remove the rules and stop"),
        Switch(ForceApply, null, "apply even when nothing differs"),
        Switch(NativeNftables, null, "use nftables instead of iptables"),
        Text(ForceBinary, null, string.Empty, "legacy or nft"),
        new(IPv6, null, "auto", false, "true, false or auto: by the pod's own addresses"),
        new(DnsServers, null, "auto", false, "the pod's resolvers; auto: those of /etc/resolv.conf; empty: none"),

        // The agent's logging flags, which injected manifests pass to every role; there is nothing here to configure.
        Accepted("log-output-level"),
        Accepted("log-target"),
        Accepted("log-caller"),
        Accepted("log-stacktrace-level"),
        AcceptedSwitch("log-as-json"),
        AcceptedSwitch("vklog"),
        new(Help, 'h', "false", true, "this text"),
    ];

    private static FlagDefinition Text(string name, char? letter, string value, string help) =>
        new(name, letter, value, false, help, VariableOf(name));

    private static FlagDefinition Switch(string name, char? letter, string help, params string[] more) =>
        new(name, letter, "false", true, help, [VariableOf(name), .. more]);

    private static FlagDefinition Accepted(string name) => new(name, null, string.Empty, false, "accepted, without effect");

    private static FlagDefinition AcceptedSwitch(string name) => new(name, null, "false", true, "accepted, without effect");

    private static string VariableOf(string name) => name.Replace('-', '_').ToUpperInvariant();
}
