using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>
/// While old rules go and new ones come, packets would pass un-captured, which for a mesh means in plain text: all TCP
/// and UDP is dropped meanwhile.
/// </summary>
internal static class Guardrails
{
    private static readonly CaptureRule[] s_rules =
    [
        Drop(ChainNames.Input, TransportProtocol.Tcp),
        Drop(ChainNames.Input, TransportProtocol.Udp),
        Drop(ChainNames.Forward, TransportProtocol.Tcp),
        Drop(ChainNames.Forward, TransportProtocol.Udp),
        Drop(ChainNames.Output, TransportProtocol.Tcp),
        Drop(ChainNames.Output, TransportProtocol.Udp),
    ];

    public static void Raise(RuleFamily family)
    {
        Lower(family);
        foreach (CaptureRule rule in s_rules)
        {
            family.Tool.Insert(rule);
        }
    }

    public static void Lower(RuleFamily family)
    {
        foreach (CaptureRule rule in s_rules)
        {
            family.Tool.TryRun(IptablesFormat.Command("-D", rule));
        }
    }

    private static CaptureRule Drop(string chain, TransportProtocol protocol) =>
        new(RuleTable.Filter, chain, [new RuleMatch.Protocol(protocol)], new RuleTarget.Drop(), 1);
}
