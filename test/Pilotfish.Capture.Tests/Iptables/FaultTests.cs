using System.Collections.Immutable;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Processes;
using Pilotfish.Capture.Rules;
using static Pilotfish.Capture.Tests.Iptables.ScriptedRunner;

namespace Pilotfish.Capture.Tests.Iptables;

public sealed class FaultTests
{
    [Fact]
    public void Apply_LaterTableFails_TakesEarlierTablesBack()
    {
        var runner = new ScriptedRunner((call, input) =>
            call.StartsWith("iptables-nft-save", StringComparison.Ordinal) ? Ok()
            : input.StartsWith("* raw", StringComparison.Ordinal) ? Fail("iptables-restore: line 3 failed")
            : call.Contains(" -D ", StringComparison.Ordinal) ? Fail("Bad rule") : Ok());
        RulePlan plan = RulePlanner.Plan(new CaptureConfig
        {
            RedirectDns = true,
            CaptureAllDns = true,
            InboundPorts = PortSelection.All,
        });

        CaptureException e = Assert.Throws<CaptureException>(() => NewApplier(runner, plan.V4).Apply(reconcile: false, force: false));

        Assert.Contains("table raw", e.Message, StringComparison.Ordinal);
        Assert.Contains("iptables-nft -t nat -D OUTPUT -j ISTIO_OUTPUT", runner.Calls);
        Assert.Contains("iptables-nft -t nat -D PREROUTING -p tcp -j ISTIO_INBOUND", runner.Calls);
    }

    [Theory]
    [InlineData("Another app is currently holding the xtables lock; still 0s 0us time ahead", "fuser /run/xtables.lock")]
    [InlineData("Fatal: can't open lock file /run/xtables.lock: Read-only file system", "mount an emptyDir at /run")]
    [InlineData("Permission denied (you must be root)", "runAsUser: 0")]
    [InlineData("can't initialize iptables table `nat': Table does not exist (do you need to insmod?)", "modprobe")]
    public void Restore_FailsForKnownCause_SaysWhatToDo(string printed, string advice)
    {
        var runner = new ScriptedRunner((_, _) => Fail(printed, 4));
        var tool = new IptablesTool(runner, new IptablesBinary("iptables-legacy", new Version(1, 8, 9), IsNft: false));

        CaptureException e = Assert.Throws<CaptureException>(() => tool.Restore(new RestoreText(RuleTable.Nat, "* nat\nCOMMIT\n")));

        Assert.Contains(advice, e.Message, StringComparison.Ordinal);
        Assert.Contains(printed, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detect_NothingInstalled_NamesTheCommandThatInstalls()
    {
        var runner = new ScriptedRunner((_, _) => new CommandResult(127, "", "not found", IsMissing: true));

        CaptureException e = Assert.Throws<CaptureException>(
            () => new IptablesDetector(runner, TextWriter.Null).Detect(ipv6: false, string.Empty));

        Assert.Contains("apt-get install iptables", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detect_LegacyHoldsRules_IsPreferred()
    {
        var runner = new ScriptedRunner((call, _) => call switch
        {
            "iptables-legacy-save --version" => Ok("iptables-save v1.8.9 (legacy)"),
            "iptables-legacy-save " => Ok("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j X\nCOMMIT\n"),
            _ => Ok(),
        });

        IptablesBinary found = new IptablesDetector(runner, TextWriter.Null).Detect(ipv6: false, string.Empty);

        Assert.Equal("iptables-legacy", found.Name);
        Assert.True(found.NeedsLock);
    }

    [Fact]
    public void Detect_LegacyIsEmpty_NftIsTakenAndLegacyTablesStayUnmade()
    {
        var runner = new ScriptedRunner((call, _) => call switch
        {
            "iptables-nft-save --version" => Ok("iptables-save v1.8.9 (nf_tables)"),
            _ => Ok(),
        });

        Assert.Equal("iptables-nft", new IptablesDetector(runner, TextWriter.Null).Detect(ipv6: false, string.Empty).Name);
        Assert.DoesNotContain(runner.Calls, call => call.StartsWith("iptables-legacy -t", StringComparison.Ordinal));
    }

    private static IptablesApplier NewApplier(ICommandRunner runner, ImmutableArray<CaptureRule> rules) => new(
        [new RuleFamily("IPv4", new IptablesTool(runner, new IptablesBinary("iptables-nft", new Version(1, 8, 9), IsNft: true)), rules)],
        TextWriter.Null);
}
