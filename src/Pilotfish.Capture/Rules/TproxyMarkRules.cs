using static Pilotfish.Capture.Rules.RuleMatch;
using static Pilotfish.Capture.Rules.RuleTarget;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// TPROXY keeps the client's source address towards the app, so answers must be led back to the proxy by a mark
/// on the connection, and packets that already passed the proxy must not enter it again.
/// </summary>
internal static class TproxyMarkRules
{
    private const string Loopback = "lo";

    private static readonly Protocol s_tcp = new(TransportProtocol.Tcp);

    public static void Add(CaptureConfig config, RulePlanBuilder plan)
    {
        var marked = new Mark(config.TproxyMark);
        var loopbackOut = new OutInterface(Loopback);
        var loopbackIn = new InInterface(Loopback);
        plan.Append(RuleTable.Mangle, ChainNames.Prerouting, new SaveMark(), s_tcp, marked);
        plan.Append(RuleTable.Mangle, ChainNames.Output, new Return(), s_tcp, loopbackOut, marked);
        IEnumerable<Owner> owners = config.ProxyUids.Select(uid => new Owner(OwnerKind.Uid, uid))
            .Concat(config.ProxyGids.Select(gid => new Owner(OwnerKind.Gid, gid)));
        var outbound = new SetMark(CaptureConfig.TproxyOutboundMark);
        foreach (Owner owner in owners)
        {
            plan.AppendV4(
                RuleTable.Mangle, ChainNames.Output, outbound,
                new Destination(config.LoopbackV4.ToString(), true), s_tcp, loopbackOut, owner);
            plan.AppendV6(
                RuleTable.Mangle, ChainNames.Output, outbound,
                new Destination(IpCidr.LoopbackV6.ToString(), true), s_tcp, loopbackOut, owner);
        }

        plan.Append(
            RuleTable.Mangle, ChainNames.Output, new RestoreMark(), s_tcp, new ConnectionMark(config.TproxyMark));
        plan.Insert(RuleTable.Mangle, ChainNames.IstioInbound, 1, new Return(), s_tcp, marked);
        plan.InsertV4(
            RuleTable.Mangle, ChainNames.IstioInbound, 2, new Return(),
            s_tcp, new Source(IpCidr.InboundPassthroughV4.ToString()), loopbackIn);
        plan.InsertV6(
            RuleTable.Mangle, ChainNames.IstioInbound, 2, new Return(),
            s_tcp, new Source(IpCidr.InboundPassthroughV6.ToString()), loopbackIn);
        plan.Insert(
            RuleTable.Mangle, ChainNames.IstioInbound, 3, new Return(),
            s_tcp, loopbackIn, new Mark(CaptureConfig.TproxyOutboundMark, true));
    }
}
