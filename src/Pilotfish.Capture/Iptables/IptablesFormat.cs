using System.Globalization;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>Prints a rule as iptables' arguments, matches in the rule's own order.</summary>
internal static class IptablesFormat
{
    public static string TableName(RuleTable table) => table switch
    {
        RuleTable.Filter => "filter",
        RuleTable.Mangle => "mangle",
        RuleTable.Nat => "nat",
        RuleTable.Raw => "raw",
        _ => throw new ArgumentOutOfRangeException(nameof(table), table, "Unknown table."),
    };

    /// <summary>The rule as it stands in restore input: "-A CHAIN ..." or "-I CHAIN N ...".</summary>
    public static List<string> Restore(CaptureRule rule)
    {
        List<string> args = rule.InsertAt is int position
            ? ["-I", rule.Chain, position.ToString(CultureInfo.InvariantCulture)]
            : ["-A", rule.Chain];
        AppendBody(rule, args);
        return args;
    }

    /// <summary>The arguments of `iptables` that check (-C) or delete (-D) the rule wherever it stands.</summary>
    public static List<string> Command(string operation, CaptureRule rule)
    {
        List<string> args = ["-t", TableName(rule.Table), operation, rule.Chain];
        AppendBody(rule, args);
        return args;
    }

    private static void AppendBody(CaptureRule rule, List<string> args)
    {
        foreach (RuleMatch match in rule.Matches)
        {
            AppendMatch(match, args);
        }

        bool udp = rule.Matches.Any(m => m is RuleMatch.Protocol { Transport: TransportProtocol.Udp });
        AppendTarget(rule.Target, udp, args);
    }

    private static void AppendMatch(RuleMatch match, List<string> args)
    {
        switch (match)
        {
            case RuleMatch.InInterface m:
                args.AddRange(["-i", m.Name]);
                break;
            case RuleMatch.OutInterface m:
                args.AddRange(["-o", m.Name]);
                break;
            case RuleMatch.Source m:
                args.AddRange(["-s", m.Cidr]);
                break;
            case RuleMatch.Destination m:
                AddNegated(args, m.IsNegated, "-d", m.Cidr);
                break;
            case RuleMatch.Protocol m:
                args.AddRange(["-p", m.Transport == TransportProtocol.Tcp ? "tcp" : "udp"]);
                break;
            case RuleMatch.SourcePort m:
                args.AddRange(["--sport", Number(m.Port)]);
                break;
            case RuleMatch.DestinationPort m:
                AddNegated(args, m.IsNegated, "--dport", Number(m.Port));
                break;
            case RuleMatch.DestinationPortNoneOf m:
                args.AddRange(["-m", "multiport", "!", "--dports", string.Join(',', m.Ports.Select(p => Number(p)))]);
                break;
            case RuleMatch.Owner m:
                args.AddRange(["-m", "owner"]);
                AddNegated(args, m.IsNegated, m.Kind == OwnerKind.Uid ? "--uid-owner" : "--gid-owner", m.Id);
                break;
            case RuleMatch.Conntrack m:
                args.AddRange(["-m", "conntrack", "--ctstate", m.States]);
                break;
            case RuleMatch.Mark m:
                args.AddRange(["-m", "mark"]);
                AddNegated(args, m.IsNegated, "--mark", Number(m.Value));
                break;
            case RuleMatch.ConnectionMark m:
                args.AddRange(["-m", "connmark", "--mark", Number(m.Value)]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(match), match, "iptables has no form for this match.");
        }
    }

    private static void AppendTarget(RuleTarget target, bool udp, List<string> args)
    {
        args.Add("-j");
        switch (target)
        {
            case RuleTarget.Return:
                args.Add("RETURN");
                break;
            case RuleTarget.Accept:
                args.Add("ACCEPT");
                break;
            case RuleTarget.Drop:
                args.Add("DROP");
                break;
            case RuleTarget.Jump t:
                args.Add(t.Chain);
                break;
            case RuleTarget.Redirect t:
                // iptables takes both spellings; Istio's UDP rules carry the short one.
                args.AddRange(["REDIRECT", udp ? "--to-port" : "--to-ports", Number(t.Port)]);
                break;
            case RuleTarget.Tproxy t:
                args.AddRange(["TPROXY", "--tproxy-mark", Number(t.Mark) + "/0xffffffff", "--on-port", Number(t.Port)]);
                break;
            case RuleTarget.SetMark t:
                args.AddRange(["MARK", "--set-mark", Number(t.Mark)]);
                break;
            case RuleTarget.SaveMark:
                args.AddRange(["CONNMARK", "--save-mark"]);
                break;
            case RuleTarget.RestoreMark:
                args.AddRange(["CONNMARK", "--restore-mark"]);
                break;
            case RuleTarget.ConntrackZone t:
                args.AddRange(["CT", "--zone", Number((uint)t.Zone)]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(target), target, "iptables has no form for this target.");
        }
    }

    private static void AddNegated(List<string> args, bool negated, string option, string value)
    {
        if (negated)
        {
            args.Add("!");
        }

        args.Add(option);
        args.Add(value);
    }

    private static string Number(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
