using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>One condition of a rule. Printers for iptables and nftables switch over the kinds below.</summary>
internal abstract record RuleMatch
{
    private RuleMatch()
    {
    }

    public sealed record InInterface(string Name) : RuleMatch;

    public sealed record OutInterface(string Name) : RuleMatch;

    public sealed record Source(string Cidr) : RuleMatch;

    public sealed record Destination(string Cidr, bool IsNegated = false) : RuleMatch;

    public sealed record Protocol(TransportProtocol Transport) : RuleMatch;

    public sealed record SourcePort(ushort Port) : RuleMatch;

    public sealed record DestinationPort(ushort Port, bool IsNegated = false) : RuleMatch;

    public sealed record DestinationPortNoneOf(ImmutableArray<ushort> Ports) : RuleMatch;

    public sealed record Owner(OwnerKind Kind, string Id, bool IsNegated = false) : RuleMatch;

    public sealed record Conntrack(string States) : RuleMatch;

    public sealed record Mark(uint Value, bool IsNegated = false) : RuleMatch;

    public sealed record ConnectionMark(uint Value) : RuleMatch;
}
