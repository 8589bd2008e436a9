using System.Collections.Immutable;
using static Pilotfish.Capture.Rules.RuleMatch;
using static Pilotfish.Capture.Rules.RuleTarget;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// Connections from this pod. 1 excluded ports, 2 the inbound passthrough source, 3 the proxy's own packets by uid then
/// gid, 4 owner groups, 5 DNS, 6 loopback, 7 excluded ranges, 8 ports captured anyway, 9 captured ranges.
/// </summary>
internal static class OutboundRules
{
    private const string Loopback = "lo";

    private static readonly Protocol s_tcp = new(TransportProtocol.Tcp);
    private static readonly Protocol s_udp = new(TransportProtocol.Udp);

    public static void Add(CaptureConfig config, RulePlanBuilder plan)
    {
        plan.Append(RuleTable.Nat, ChainNames.Output, new Jump(ChainNames.IstioOutput));
        foreach (ushort port in config.OutboundPortsExcluded)
        {
            plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), s_tcp, new DestinationPort(port));
            plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), s_udp, new DestinationPort(port));
        }

        plan.AppendV4(
            RuleTable.Nat, ChainNames.IstioOutput, new Return(),
            new OutInterface(Loopback), new Source(IpCidr.InboundPassthroughV4.ToString()));
        plan.AppendV6(
            RuleTable.Nat, ChainNames.IstioOutput, new Return(),
            new OutInterface(Loopback), new Source(IpCidr.InboundPassthroughV6.ToString()));

        foreach (string uid in config.ProxyUids)
        {
            AddProxyOwner(config, plan, OwnerKind.Uid, uid);
        }

        foreach (string gid in config.ProxyGids)
        {
            AddProxyOwner(config, plan, OwnerKind.Gid, gid);
        }

        AddOwnerGroups(config.OwnerGroups, plan);
        if (config.DnsIsCaptured)
        {
            DnsRules.Add(config, plan);
        }

        plan.AppendV4(
            RuleTable.Nat, ChainNames.IstioOutput, new Return(), new Destination(config.LoopbackV4.ToString()));
        plan.AppendV6(
            RuleTable.Nat, ChainNames.IstioOutput, new Return(), new Destination(IpCidr.LoopbackV6.ToString()));
        foreach (IpCidr cidr in config.OutboundCidrsExcluded.V4)
        {
            plan.AppendV4(RuleTable.Nat, ChainNames.IstioOutput, new Return(), new Destination(cidr.ToString()));
        }

        foreach (IpCidr cidr in config.OutboundCidrsExcluded.V6)
        {
            plan.AppendV6(RuleTable.Nat, ChainNames.IstioOutput, new Return(), new Destination(cidr.ToString()));
        }

        AddCaptured(config, plan);
    }

    private static void AddProxyOwner(CaptureConfig config, RulePlanBuilder plan, OwnerKind kind, string id)
    {
        // The proxy calling its own pod by the service's address: the app must still be entered through inbound.
        // With DNS on, port 53 is spared for the uid alone; the gid's copy is not widened, which Istio's rules keep too.
        bool dns = config.DnsIsCaptured;
        RuleMatch notTunnel = dns && kind == OwnerKind.Uid
            ? new DestinationPortNoneOf([DnsRules.DnsPort, config.TunnelPort])
            : new DestinationPort(config.TunnelPort, true);
        var owner = new Owner(kind, id);
        var toInbound = new Jump(ChainNames.IstioInRedirect);
        var loopback = new OutInterface(Loopback);
        plan.AppendV4(
            RuleTable.Nat, ChainNames.IstioOutput, toInbound,
            loopback, new Destination(config.LoopbackV4.ToString(), true), s_tcp, notTunnel, owner);
        plan.AppendV6(
            RuleTable.Nat, ChainNames.IstioOutput, toInbound,
            loopback, new Destination(IpCidr.LoopbackV6.ToString(), true), s_tcp, notTunnel, owner);

        // The app calling itself by the pod's address stays as it is, unless the operator asked for loopback ranges.
        if (!config.OutboundCidrs.HasLoopback)
        {
            var notOwner = new Owner(kind, id, true);
            ImmutableArray<RuleMatch> matches = dns
                ? [loopback, s_tcp, new DestinationPort(DnsRules.DnsPort, true), notOwner]
                : [loopback, notOwner];
            plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), matches.AsSpan());
        }

        plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), owner);
    }

    private static void AddOwnerGroups(OwnerGroupFilter filter, RulePlanBuilder plan)
    {
        if (filter.IsAllExcept)
        {
            foreach (string group in filter.Groups)
            {
                plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), new Owner(OwnerKind.Gid, group));
            }

            return;
        }

        // One rule: a packet goes free only if its sender is in none of the groups.
        RuleMatch[] noneOf = [.. filter.Groups.Select(group => new Owner(OwnerKind.Gid, group, true))];
        plan.Append(RuleTable.Nat, ChainNames.IstioOutput, new Return(), noneOf);
    }

    private static void AddCaptured(CaptureConfig config, RulePlanBuilder plan)
    {
        var redirect = new Jump(ChainNames.IstioRedirect);
        foreach (ushort port in config.OutboundPorts)
        {
            plan.Append(RuleTable.Nat, ChainNames.IstioOutput, redirect, s_tcp, new DestinationPort(port));
        }

        if (config.OutboundCidrs.IsWildcard)
        {
            plan.Append(RuleTable.Nat, ChainNames.IstioOutput, redirect);
            foreach (string name in config.InterfacesRerouted)
            {
                plan.Insert(RuleTable.Nat, ChainNames.Prerouting, 1, redirect, new InInterface(name));
            }

            return;
        }

        // Inserted, so that these land above the RETURN that keeps the interface out of inbound capture.
        foreach (IpCidr cidr in config.OutboundCidrs.V4)
        {
            var destination = new Destination(cidr.ToString());
            foreach (string name in config.InterfacesRerouted)
            {
                plan.InsertV4(RuleTable.Nat, ChainNames.Prerouting, 1, redirect, new InInterface(name), destination);
            }

            plan.AppendV4(RuleTable.Nat, ChainNames.IstioOutput, redirect, destination);
        }

        foreach (IpCidr cidr in config.OutboundCidrs.V6)
        {
            var destination = new Destination(cidr.ToString());
            foreach (string name in config.InterfacesRerouted)
            {
                plan.InsertV6(RuleTable.Nat, ChainNames.Prerouting, 1, redirect, new InInterface(name), destination);
            }

            plan.AppendV6(RuleTable.Nat, ChainNames.IstioOutput, redirect, destination);
        }
    }
}
