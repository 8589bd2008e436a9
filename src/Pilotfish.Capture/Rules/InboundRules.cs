using static Pilotfish.Capture.Rules.RuleMatch;
using static Pilotfish.Capture.Rules.RuleTarget;

namespace Pilotfish.Capture.Rules;

/// <summary>Connections to this pod: to the inbound port by REDIRECT (nat) or TPROXY (mangle).</summary>
internal static class InboundRules
{
    private static readonly Protocol s_tcp = new(TransportProtocol.Tcp);
    private static readonly Conntrack s_established = new("RELATED,ESTABLISHED");

    public static void Add(CaptureConfig config, RulePlanBuilder plan)
    {
        if (config.InboundPorts.IsEmpty)
        {
            return;
        }

        bool tproxy = config.InboundMode == InterceptionMode.Tproxy;
        RuleTable table = tproxy ? RuleTable.Mangle : RuleTable.Nat;
        if (tproxy)
        {
            AddTproxyChains(config, plan);
        }

        plan.Append(table, ChainNames.Prerouting, new Jump(ChainNames.IstioInbound), s_tcp);
        if (config.InboundPorts.IsWildcard)
        {
            foreach (ushort port in config.InboundPortsExcluded)
            {
                plan.Append(table, ChainNames.IstioInbound, new Return(), s_tcp, new DestinationPort(port));
            }

            AddCapture(plan, tproxy, s_tcp);
            return;
        }

        foreach (ushort port in config.InboundPorts.Ports)
        {
            AddCapture(plan, tproxy, s_tcp, new DestinationPort(port));
        }
    }

    private static void AddCapture(RulePlanBuilder plan, bool tproxy, params ReadOnlySpan<RuleMatch> matches)
    {
        if (!tproxy)
        {
            plan.Append(RuleTable.Nat, ChainNames.IstioInbound, new Jump(ChainNames.IstioInRedirect), matches);
            return;
        }

        // Packets of an established socket only need the mark that routes them to it; new ones pick the listener.
        plan.Append(RuleTable.Mangle, ChainNames.IstioInbound, new Jump(ChainNames.IstioDivert), [.. matches, s_established]);
        plan.Append(RuleTable.Mangle, ChainNames.IstioInbound, new Jump(ChainNames.IstioTproxy), matches);
    }

    private static void AddTproxyChains(CaptureConfig config, RulePlanBuilder plan)
    {
        plan.Append(RuleTable.Mangle, ChainNames.IstioDivert, new SetMark(config.TproxyMark));
        plan.Append(RuleTable.Mangle, ChainNames.IstioDivert, new Accept());
        var target = new Tproxy(config.InboundPort, config.TproxyMark);
        plan.AppendV4(
            RuleTable.Mangle, ChainNames.IstioTproxy, target, new Destination(config.LoopbackV4.ToString(), true), s_tcp);
        plan.AppendV6(
            RuleTable.Mangle, ChainNames.IstioTproxy, target, new Destination(IpCidr.LoopbackV6.ToString(), true), s_tcp);
    }
}
