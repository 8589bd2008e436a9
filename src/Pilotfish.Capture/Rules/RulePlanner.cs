using static Pilotfish.Capture.Rules.RuleMatch;
using static Pilotfish.Capture.Rules.RuleTarget;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// Turns a capture configuration into rules. Order is the contract: earlier rules exempt packets from later ones.
/// 1 interfaces left alone, 2 invalid packets, 3 the proxy's chains, 4 inbound, 5 outbound, 6 TPROXY's marks.
/// </summary>
internal static class RulePlanner
{
    public static RulePlan Plan(CaptureConfig config)
    {
        var plan = new RulePlanBuilder(config.IPv6);
        LeaveInterfacesAlone(config, plan);
        if (config.DropInvalid)
        {
            // Out-of-window packets would otherwise reach the stack un-translated and be answered with a reset.
            plan.Append(RuleTable.Mangle, ChainNames.Prerouting, new Jump(ChainNames.IstioDrop), new Conntrack("INVALID"));
            plan.Append(RuleTable.Mangle, ChainNames.IstioDrop, new Drop());
        }

        var tcp = new Protocol(TransportProtocol.Tcp);
        plan.Append(RuleTable.Nat, ChainNames.IstioInbound, new Return(), tcp, new DestinationPort(config.TunnelPort));
        plan.Append(RuleTable.Nat, ChainNames.IstioRedirect, new Redirect(config.OutboundPort), tcp);
        plan.Append(RuleTable.Nat, ChainNames.IstioInRedirect, new Redirect(config.InboundPort), tcp);

        InboundRules.Add(config, plan);
        OutboundRules.Add(config, plan);
        if (config.InboundMode == InterceptionMode.Tproxy)
        {
            TproxyMarkRules.Add(config, plan);
        }

        return plan.Build();
    }

    private static void LeaveInterfacesAlone(CaptureConfig config, RulePlanBuilder plan)
    {
        foreach (string name in config.InterfacesExcluded)
        {
            plan.Append(RuleTable.Nat, ChainNames.Prerouting, new Return(), new InInterface(name));
            plan.Append(RuleTable.Nat, ChainNames.Output, new Return(), new OutInterface(name));
        }

        if (config.InboundMode == InterceptionMode.Tproxy)
        {
            foreach (string name in config.InterfacesExcluded)
            {
                plan.Append(RuleTable.Mangle, ChainNames.Prerouting, new Return(), new InInterface(name));
                plan.Append(RuleTable.Mangle, ChainNames.Output, new Return(), new OutInterface(name));
            }
        }

        // What arrives from a virtual machine is outbound traffic: it must never fall into inbound capture.
        foreach (string name in config.InterfacesRerouted)
        {
            plan.Insert(RuleTable.Nat, ChainNames.Prerouting, 1, new Return(), new InInterface(name));
        }
    }
}
