namespace Pilotfish.Capture.Tests.Command;

public sealed class FlagTests
{
    [Theory]
    [InlineData("separate", "-z", "16006")]
    [InlineData("glued", "-z16006")]
    [InlineData("letter with equals", "-z=16006")]
    [InlineData("long separate", "--inbound-capture-port", "16006")]
    [InlineData("long with equals", "--inbound-capture-port=16006")]
    [InlineData("underscores", "--inbound_capture_port=16006")]
    [InlineData("letters run together", "-nz16006")]
    public void Flag_EveryFormOfPflag_IsUnderstood(string form, params string[] args)
    {
        CommandRun run = CommandRun.Dry(args);

        Assert.True(run.Output.Contains("-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 16006\n", StringComparison.Ordinal), form);
    }

    [Fact]
    public void Flag_AgentsLoggingFlags_AreAccepted()
    {
        Assert.Equal(0, CommandRun.Dry("--log_output_level=default:info", "--log_as_json").ExitCode);
    }

    [Fact]
    public void Environment_SetsFlagAndArgumentOverridesIt()
    {
        var environment = new Dictionary<string, string> { ["INBOUND_CAPTURE_PORT"] = "17006", ["ENVOY_PORT"] = "17001" };
        string fromEnvironment = CommandRun.Of(["-n", "--ipv6=false"], environment).Output;
        string fromArgument = CommandRun.Of(["-n", "--ipv6=false", "-z", "18006"], environment).Output;

        Assert.Contains("--to-ports 17006", fromEnvironment, StringComparison.Ordinal);
        Assert.Contains("--to-ports 18006", fromArgument, StringComparison.Ordinal);
        Assert.DoesNotContain("17001", fromEnvironment, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ISTIO_META_DNS_CAPTURE")]
    [InlineData("REDIRECT_DNS")]
    public void Environment_DnsCaptureByEitherName_RedirectsDns(string variable)
    {
        CommandRun run = CommandRun.Of(
            ["-n", "--ipv6=false", "--capture-all-dns"], new Dictionary<string, string> { [variable] = "true" });

        Assert.Contains("-A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-port 15053", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nosuch")]
    [InlineData("-Z")]
    [InlineData("word")]
    [InlineData("-z")]
    public void CommandLine_Wrong_ExitsAsPilotAgentDoes(string arg)
    {
        CommandRun run = CommandRun.Of([arg]);

        Assert.Equal(IptablesCommand.ExitUsage, run.ExitCode);
        Assert.Contains(arg, run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public void DnsCapture_WithoutServers_IsDroppedWithAWarning()
    {
        CommandRun run = CommandRun.Dry("--redirect-dns", "--dns-servers", "");

        Assert.DoesNotContain("DNS", run.Output, StringComparison.Ordinal);
        Assert.Contains("DNS stays as it is", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void LoopbackCidr_KeepsHostBits()
    {
        CommandRun run = CommandRun.Of(
            ["-n", "--ipv6=false"], new Dictionary<string, string> { ["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"] = "127.0.0.1/8" });

        Assert.Contains("-A ISTIO_OUTPUT -d 127.0.0.1/8 -j RETURN\n", run.Output, StringComparison.Ordinal);
    }
}
