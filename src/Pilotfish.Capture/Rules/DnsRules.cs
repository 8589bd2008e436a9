using static Pilotfish.Capture.Rules.RuleMatch;
using static Pilotfish.Capture.Rules.RuleTarget;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// DNS to the agent: port 53 redirected, and conntrack split in two zones, because the app's question and the
/// agent's own question may carry the same addresses and ports (zone 1: agent and resolver, zone 2: app and agent).
/// </summary>
internal static class DnsRules
{
    public const ushort DnsPort = 53;

    private const int ResolverZone = 1;
    private const int AppZone = 2;

    private static readonly Protocol s_tcp = new(TransportProtocol.Tcp);
    private static readonly Protocol s_udp = new(TransportProtocol.Udp);
    private static readonly DestinationPort s_toDns = new(DnsPort);
    private static readonly SourcePort s_fromDns = new(DnsPort);

    private delegate void AppendRule(
        RuleTable table, string chain, RuleTarget target, params ReadOnlySpan<RuleMatch> matches);

    public static void Add(CaptureConfig config, RulePlanBuilder plan)
    {
        plan.Append(RuleTable.Raw, ChainNames.Output, new Jump(ChainNames.IstioOutputDns));
        bool v4 = config.CaptureAllDns || !config.DnsServers.V4.IsEmpty;
        bool v6 = config.CaptureAllDns || !config.DnsServers.V6.IsEmpty;
        if (v4)
        {
            plan.AppendV4(RuleTable.Nat, ChainNames.IstioOutput, new Jump(ChainNames.IstioOutputDns));
        }

        if (v6)
        {
            plan.AppendV6(RuleTable.Nat, ChainNames.IstioOutput, new Jump(ChainNames.IstioOutputDns));
        }

        AddRedirects(config, plan, s_tcp);
        AddRedirects(config, plan, s_udp);
        AddProxyZones(config, plan);
        AddAppZones(config, plan);
    }

    private static void AddRedirects(CaptureConfig config, RulePlanBuilder plan, Protocol protocol)
    {
        var redirect = new Redirect(CaptureConfig.DnsProxyPort);
        if (config.CaptureAllDns)
        {
            plan.Append(RuleTable.Nat, ChainNames.IstioOutputDns, redirect, protocol, s_toDns);
            return;
        }

        // Only the resolvers of the pod: a local cache (dnsmasq) that asks others would be sent round in a circle.
        foreach (string server in config.DnsServers.V4)
        {
            plan.AppendV4(
                RuleTable.Nat, ChainNames.IstioOutputDns, redirect, protocol, s_toDns, new Destination(server + "/32"));
        }

        foreach (string server in config.DnsServers.V6)
        {
            plan.AppendV6(
                RuleTable.Nat, ChainNames.IstioOutputDns, redirect, protocol, s_toDns, new Destination(server + "/128"));
        }
    }

    private static void AddProxyZones(CaptureConfig config, RulePlanBuilder plan)
    {
        IEnumerable<Owner> owners = config.ProxyUids.Select(uid => new Owner(OwnerKind.Uid, uid))
            .Concat(config.ProxyGids.Select(gid => new Owner(OwnerKind.Gid, gid)));
        var fromAgent = new SourcePort(CaptureConfig.DnsProxyPort);
        foreach (Owner owner in owners)
        {
            plan.Append(
                RuleTable.Raw, ChainNames.IstioOutputDns, new ConntrackZone(ResolverZone), s_udp, s_toDns, owner);
            plan.Append(
                RuleTable.Raw, ChainNames.IstioOutputDns, new ConntrackZone(AppZone), s_udp, fromAgent, owner);
        }
    }

    private static void AddAppZones(CaptureConfig config, RulePlanBuilder plan)
    {
        if (config.CaptureAllDns)
        {
            plan.Append(RuleTable.Raw, ChainNames.Prerouting, new Jump(ChainNames.IstioInbound));
            plan.Append(RuleTable.Raw, ChainNames.IstioOutputDns, new ConntrackZone(AppZone), s_udp, s_toDns);
            plan.Append(RuleTable.Raw, ChainNames.IstioInbound, new ConntrackZone(ResolverZone), s_udp, s_fromDns);
            return;
        }

        AddAppZones(config.DnsServers.V4, "/32", plan.AppendV4);
        AddAppZones(config.DnsServers.V6, "/128", plan.AppendV6);
    }

    private static void AddAppZones(IReadOnlyCollection<string> servers, string hostBits, AppendRule append)
    {
        // A jump to an empty chain would never be found again by clean-up, so the jump comes with the first server.
        if (servers.Count > 0)
        {
            append(RuleTable.Raw, ChainNames.Prerouting, new Jump(ChainNames.IstioInbound));
        }

        foreach (string server in servers)
        {
            append(
                RuleTable.Raw, ChainNames.IstioOutputDns, new ConntrackZone(AppZone),
                s_udp, s_toDns, new Destination(server + hostBits));
            append(
                RuleTable.Raw, ChainNames.IstioInbound, new ConntrackZone(ResolverZone),
                s_udp, s_fromDns, new Source(server + hostBits));
        }
    }
}
