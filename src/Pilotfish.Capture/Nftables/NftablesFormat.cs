using System.Globalization;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Nftables;

/// <summary>Prints a rule as nft reads it. Each rule counts its packets, as `nft list ruleset` is how people look.</summary>
internal static class NftablesFormat
{
    public static string ChainName(string chain) => chain.ToLowerInvariant().Replace('_', '-');

    public static string Rule(CaptureRule rule, AddressFamilies families)
    {
        bool isV6 = families == AddressFamilies.V6;
        bool isUdp = rule.Matches.Any(m => m is RuleMatch.Protocol { Transport: TransportProtocol.Udp });
        bool namesAddress = rule.Matches.Any(m => m is RuleMatch.Source or RuleMatch.Destination);
        var words = new List<string>();
        if (families != AddressFamilies.Both && !namesAddress)
        {
            words.Add(isV6 ? "meta nfproto ipv6" : "meta nfproto ipv4");
        }

        words.AddRange(rule.Matches.Select(match => Match(match, isUdp ? "udp" : "tcp", isV6 ? "ip6" : "ip")));
        words.Add("counter");
        words.Add(Target(rule.Target, isV6 ? "ip6" : "ip"));
        return string.Join(' ', words);
    }

    private static string Match(RuleMatch match, string transport, string ip) => match switch
    {
        RuleMatch.InInterface m => $"iifname {Interface(m.Name)}",
        RuleMatch.OutInterface m => $"oifname {Interface(m.Name)}",
        RuleMatch.Source m => $"{ip} saddr {m.Cidr}",
        RuleMatch.Destination m => $"{ip} daddr {Not(m.IsNegated)}{m.Cidr}",
        RuleMatch.Protocol m => $"meta l4proto {(m.Transport == TransportProtocol.Tcp ? "tcp" : "udp")}",
        RuleMatch.SourcePort m => $"{transport} sport {Number(m.Port)}",
        RuleMatch.DestinationPort m => $"{transport} dport {Not(m.IsNegated)}{Number(m.Port)}",
        RuleMatch.DestinationPortNoneOf m => $"{transport} dport != {{ {string.Join(", ", m.Ports.Select(p => Number(p)))} }}",
        RuleMatch.Owner m => $"meta {(m.Kind == OwnerKind.Uid ? "skuid" : "skgid")} {Not(m.IsNegated)}{m.Id}",
        RuleMatch.Conntrack m => $"ct state {m.States.ToLowerInvariant()}",
        RuleMatch.Mark m => $"meta mark {Not(m.IsNegated)}{Number(m.Value)}",
        RuleMatch.ConnectionMark m => $"ct mark {Number(m.Value)}",
        _ => throw new ArgumentOutOfRangeException(nameof(match), match, "nftables has no form for this match."),
    };

    private static string Target(RuleTarget target, string ip) => target switch
    {
        RuleTarget.Return => "return",
        RuleTarget.Accept => "accept",
        RuleTarget.Drop => "drop",
        RuleTarget.Jump t => $"jump {ChainName(t.Chain)}",
        RuleTarget.Redirect t => $"redirect to :{Number(t.Port)}",
        RuleTarget.Tproxy t => $"tproxy {ip} to :{Number(t.Port)} meta mark set {Number(t.Mark)} accept",
        RuleTarget.SetMark t => $"meta mark set {Number(t.Mark)}",
        RuleTarget.SaveMark => "ct mark set meta mark",
        RuleTarget.RestoreMark => "meta mark set ct mark",
        RuleTarget.ConntrackZone t => $"ct zone set {Number((uint)t.Zone)}",
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "nftables has no form for this target."),
    };

    /// <summary>Quoted, as names may hold characters that nft's grammar uses; iptables' wildcard `+` is `*` here.</summary>
    private static string Interface(string name) =>
        name.EndsWith('+') ? $"\"{name[..^1]}*\"" : $"\"{name}\"";

    private static string Not(bool negated) => negated ? "!= " : string.Empty;

    private static string Number(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
