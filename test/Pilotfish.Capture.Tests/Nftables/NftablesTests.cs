using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.Capture.Tests.Nftables;

public sealed class NftablesTests
{
    private static readonly string[] s_usual = ["-b", "*", "-i", "*", "--redirect-dns", "--dns-servers", "10.0.0.10,fd00::10"];

    [Theory]
    [InlineData("REDIRECT")]
    [InlineData("TPROXY")]
    public void Apply_TwiceThenCleanup_IsTheSameAndLeavesNothing(string mode)
    {
        Prerequisite.Program("nft");
        using TestNamespace pod = TestNamespace.Create();
        string routing = Routing(pod);
        Assert.Equal(0, Run(pod, [.. s_usual, "-m", mode]).ExitCode);
        string once = pod.Run("nft", "--stateless", "list", "ruleset");

        Assert.Equal(0, Run(pod, [.. s_usual, "-m", mode]).ExitCode);
        Assert.Equal(once, pod.Run("nft", "--stateless", "list", "ruleset"));
        Assert.Contains("table inet istio-proxy-nat", once, StringComparison.Ordinal);

        Assert.Equal(0, Run(pod, [.. s_usual, "-m", mode, "--cleanup-only"]).ExitCode);
        Assert.Equal(string.Empty, pod.Run("nft", "list", "ruleset").Trim());
        Assert.Equal(routing, Routing(pod));
    }

    [Fact]
    public void Script_WithoutIPv6_KeepsIPv6PacketsOut()
    {
        string script = CommandRun.Dry("--native-nftables", "-i", "*").Output;

        Assert.Contains("add rule inet istio-proxy-nat output meta nfproto ipv4 counter jump istio-output\n", script, StringComparison.Ordinal);
        Assert.DoesNotContain("ip6", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Script_BothFamilies_NamesFamilyOnlyWhereTheyDiffer()
    {
        string script = CommandRun.Of(["-n", "--ipv6=true", "-u", "1337", "--native-nftables", "-i", "10.0.0.0/8,fd00::/8"]).Output;

        Assert.Contains("istio-output oifname \"lo\" ip saddr 127.0.0.6/32 counter return\n", script, StringComparison.Ordinal);
        Assert.Contains("istio-output oifname \"lo\" ip6 saddr ::6/128 counter return\n", script, StringComparison.Ordinal);
        Assert.Contains("istio-output ip6 daddr fd00::/8 counter jump istio-redirect\n", script, StringComparison.Ordinal);
        Assert.Contains("istio-output meta skuid 1337 counter return\n", script, StringComparison.Ordinal);
    }

    private static CommandRun Run(TestNamespace pod, string[] args) =>
        CommandRun.Of(["-u", "1337", "--ipv6=true", "--native-nftables", "--network-namespace", pod.Name, .. args]);

    private static string Routing(TestNamespace pod) =>
        pod.Run("ip", "rule") + pod.Run("ip", "-6", "rule") + pod.Run("ip", "-o", "addr");
}
