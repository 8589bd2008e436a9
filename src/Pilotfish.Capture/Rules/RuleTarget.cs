namespace Pilotfish.Capture.Rules;

/// <summary>What a matching rule does. Printers for iptables and nftables switch over the kinds below.</summary>
internal abstract record RuleTarget
{
    private RuleTarget()
    {
    }

    public sealed record Return : RuleTarget;

    public sealed record Accept : RuleTarget;

    public sealed record Drop : RuleTarget;

    public sealed record Jump(string Chain) : RuleTarget;

    public sealed record Redirect(ushort Port) : RuleTarget;

    public sealed record Tproxy(ushort Port, uint Mark) : RuleTarget;

    public sealed record SetMark(uint Mark) : RuleTarget;

    public sealed record SaveMark : RuleTarget;

    public sealed record RestoreMark : RuleTarget;

    public sealed record ConntrackZone(int Zone) : RuleTarget;
}
