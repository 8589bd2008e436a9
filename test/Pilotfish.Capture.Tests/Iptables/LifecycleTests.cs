using Pilotfish.Testing.Namespaces;

namespace Pilotfish.Capture.Tests.Iptables;

public sealed class LifecycleTests
{
    private static readonly string[] s_usual = ["-b", "*", "-i", "*", "--redirect-dns", "--dns-servers", "10.0.0.10"];

    [Fact]
    public void Apply_Twice_ChangesNothingTheSecondTime()
    {
        using TestNamespace pod = TestNamespace.Create();
        Assert.Equal(0, Run(pod, s_usual).ExitCode);
        string[] before = Rules(pod);

        CommandRun second = Run(pod, s_usual);

        Assert.Contains("nothing to do", second.Error, StringComparison.Ordinal);
        Assert.Equal(before, Rules(pod));
    }

    [Theory]
    [InlineData("REDIRECT")]
    [InlineData("TPROXY")]
    public void CleanupOnly_AfterApply_LeavesNoTrace(string mode)
    {
        using TestNamespace pod = TestNamespace.Create();
        string[] routing = Routing(pod);
        Run(pod, [.. s_usual, "-m", mode]);
        Assert.NotEmpty(Rules(pod));

        Assert.Equal(0, Run(pod, [.. s_usual, "-m", mode, "--cleanup-only"]).ExitCode);

        Assert.Empty(Rules(pod));
        Assert.Equal(routing, Routing(pod));
    }

    [Fact]
    public void CleanupOnly_WithOtherFlagsThanApplied_LeavesNoRule()
    {
        using TestNamespace pod = TestNamespace.Create();
        Run(pod, s_usual);

        Run(pod, ["-b", "80", "--cleanup-only"]);

        Assert.Empty(Rules(pod));
    }

    [Fact]
    public void Reconcile_OtherFlags_ReplacesRulesAndTakesGuardrailsAway()
    {
        using TestNamespace fresh = TestNamespace.Create();
        Run(fresh, ["-b", "80"]);
        using TestNamespace pod = TestNamespace.Create();
        Run(pod, s_usual);

        Assert.Equal(0, Run(pod, ["-b", "80", "--reconcile"]).ExitCode);

        Assert.Equal(Rules(fresh), Rules(pod));
    }

    [Fact]
    public void Apply_ForeignRules_AreLeftAlone()
    {
        using TestNamespace pod = TestNamespace.Create();
        pod.Run("iptables", "-t", "nat", "-A", "OUTPUT", "-d", "192.0.2.1/32", "-j", "ACCEPT");

        Run(pod, s_usual);
        Run(pod, [.. s_usual, "--cleanup-only"]);

        Assert.Equal(["-A OUTPUT -d 192.0.2.1/32 -j ACCEPT"], Rules(pod));
    }

    [Fact]
    public void RunValidation_WithoutRules_Exits126()
    {
        using TestNamespace pod = TestNamespace.Create();

        CommandRun run = Run(pod, ["--skip-rule-apply", "--run-validation", "--probe-timeout", "100ms"]);

        Assert.Equal(IptablesCommand.ExitValidationFailed, run.ExitCode);
        Assert.Contains("cni.repair.deletePods", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RunValidation_WithRules_Passes(bool nftables)
    {
        using TestNamespace pod = TestNamespace.Create();

        CommandRun run = Run(pod, [.. s_usual, $"--native-nftables={nftables}", "--run-validation"]);

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("validation passed", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ForceApply_NothingDiffers_AppliesAllTheSame()
    {
        using TestNamespace pod = TestNamespace.Create();
        Run(pod, s_usual);
        string[] before = Rules(pod);

        CommandRun second = Run(pod, [.. s_usual, "--force-apply"]);

        Assert.True(second.ExitCode == 0, second.Error);
        Assert.Equal(before, Rules(pod));
        Assert.DoesNotContain("nothing to do", second.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Delta_OneRuleIsGone_IsFoundAndPutBack()
    {
        using TestNamespace pod = TestNamespace.Create();
        Run(pod, s_usual);
        string[] before = Rules(pod);
        pod.Run("iptables", "-t", "nat", "-D", "ISTIO_IN_REDIRECT", "1");

        CommandRun second = Run(pod, [.. s_usual, "--reconcile"]);

        Assert.Contains("IPv4 rules of an earlier run differ", second.Error, StringComparison.Ordinal);
        Assert.Equal(before, Rules(pod));
    }

    private static CommandRun Run(TestNamespace pod, string[] args) =>
        CommandRun.Of(["-u", "1337", "--ipv6=true", "--network-namespace", pod.Name, .. args]);

    private static string[] Rules(TestNamespace pod) =>
        [.. (pod.Run("iptables-save") + pod.Run("ip6tables-save")).Split('\n')
            .Where(line => line.StartsWith("-A", StringComparison.Ordinal) || line.StartsWith(":ISTIO", StringComparison.Ordinal))
            .Select(line => line.Split('[')[0])];

    private static string[] Routing(TestNamespace pod) =>
        [.. (pod.Run("ip", "rule") + pod.Run("ip", "-6", "rule") + pod.Run("ip", "-o", "addr") + pod.Run("ip", "route", "show", "table", "all"))
            .Split('\n')];
}
