namespace Pilotfish.Capture.Tests.Command;

public sealed class HostileInputTests
{
    [Theory]
    [InlineData("-b", "80;reboot", "80;reboot")]
    [InlineData("-b", "80 -j ACCEPT", "80 -j ACCEPT")]
    [InlineData("-b", "0", "0")]
    [InlineData("-b", "65536", "65536")]
    [InlineData("-b", "+80", "+80")]
    [InlineData("-b", "80\n-A INPUT", "80\\x0a-A INPUT")]
    [InlineData("-d", "$(id)", "$(id)")]
    [InlineData("-o", "`id`", "`id`")]
    [InlineData("-q", "١٢", "\\x661\\x662")]
    [InlineData("-p", "http", "http")]
    [InlineData("-i", "10.0.0.0", "10.0.0.0")]
    [InlineData("-i", "10.0.0.0/33", "10.0.0.0/33")]
    [InlineData("-i", "10.0.0.0/08", "10.0.0.0/08")]
    [InlineData("-i", "010.0.0.0/8", "010.0.0.0/8")]
    [InlineData("-i", "10.0.0/8", "10.0.0/8")]
    [InlineData("-i", "fe80::1%eth0/64", "fe80::1%eth0/64")]
    [InlineData("-i", "*,10.0.0.0/8", "*")]
    [InlineData("-x", "*", "*")]
    [InlineData("-x", "10.0.0.0/8 -j ACCEPT", "10.0.0.0/8 -j ACCEPT")]
    [InlineData("-c", "eth0 -j ACCEPT", "eth0 -j ACCEPT")]
    [InlineData("-c", "-j", "-j")]
    [InlineData("-c", "a-name-that-is-too-long", "a-name-that-is-too-long")]
    [InlineData("-k", "eth0;id", "eth0;id")]
    [InlineData("-u", "1337|0", "1337|0")]
    [InlineData("-g", "-1", "-1")]
    [InlineData("-m", "REDIRECT;", "REDIRECT;")]
    [InlineData("-t", "0", "0")]
    [InlineData("-r", "main", "main")]
    [InlineData("--probe-timeout", "5", "5")]
    [InlineData("--dry-run", "maybe", "maybe")]
    [InlineData("--force-iptables-binary", "../../bin/sh", "../../bin/sh")]
    [InlineData("--network-namespace", "../etc/passwd", "../etc/passwd")]
    [InlineData("--dns-servers", "example.com", "example.com")]
    [InlineData("--ipv6", "perhaps", "perhaps")]
    public void Value_ThatIsNotWhatTheFlagTakes_IsRefusedByName(string flag, string value, string shown)
    {
        CommandRun run = flag == "--dry-run"
            ? CommandRun.Of(["--ipv6=false", $"{flag}={value}"])
            : CommandRun.Dry($"{flag}={value}");

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Contains(flag, run.Error, StringComparison.Ordinal);
        Assert.Contains($"'{shown}'", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void List_TooLong_IsRefusedWithItsLength()
    {
        CommandRun run = CommandRun.Dry("-b", string.Join(',', Enumerable.Range(1, 5000)));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("5000 entries", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ISTIO_OUTBOUND_OWNER_GROUPS", "a b")]
    [InlineData("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "x;y")]
    [InlineData("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "10.0.0.1/32")]
    [InlineData("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.1/7")]
    [InlineData("ISTIO_INBOUND_PORTS", "x")]
    public void Variable_ThatIsNotWhatItMustBe_IsRefusedByName(string variable, string value)
    {
        CommandRun run = CommandRun.Of(["-n", "--ipv6=false"], new Dictionary<string, string> { [variable] = value });

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(variable, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void OwnerGroups_MoreThanOneRuleHolds_AreRefused()
    {
        CommandRun run = CommandRun.Of(["-n", "--ipv6=false"], new Dictionary<string, string>
        {
            ["ISTIO_OUTBOUND_OWNER_GROUPS"] = string.Join(',', Enumerable.Range(1, 65)),
        });

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("65 groups", run.Error, StringComparison.Ordinal);
    }
}
