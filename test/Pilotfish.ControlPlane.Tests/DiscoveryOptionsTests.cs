using Pilotfish.ControlPlane;

namespace Pilotfish.ControlPlane.Tests;

public sealed class DiscoveryOptionsTests
{
    [Theory]
    [InlineData("--bogus", "The flag '--bogus' is not known to the role 'discovery'.")]
    [InlineData("--bogus=1", "The flag '--bogus' is not known to the role 'discovery'.")]
    [InlineData("--configDir", "The flag '--configDir' needs a value.")]
    [InlineData("--configDir /nonexistent", "There is no folder '/nonexistent' (--configDir).")]
    [InlineData("--recursive=perhaps", "The flag '--recursive' takes true or false, not 'perhaps'.")]
    [InlineData("--tlsCertFile a", "The flags '--tlsCertFile' and '--tlsKeyFile' belong together; one of them is missing.")]
    public void WrongCommand_IsToldInASentence(string args, string expected)
    {
        Assert.Null(DiscoveryOptions.Parse(args.Split(' '), new Dictionary<string, string>(), out string error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("PILOT_DEBOUNCE_AFTER", "xyz", "a duration such as 100ms or 1m30s")]
    [InlineData("PILOT_DEBOUNCE_AFTER", "100", "a duration such as 100ms or 1m30s")]
    [InlineData("PILOT_DEBOUNCE_MAX", "-1s", "a duration such as 100ms or 1m30s")]
    [InlineData("PILOT_TRACE_SAMPLING", "all", "a number from 0 to 100")]
    [InlineData("PILOT_TRACE_SAMPLING", "101", "a number from 0 to 100")]
    [InlineData("PILOT_TRACE_SAMPLING", "NaN", "a number from 0 to 100")]
    [InlineData("PILOT_HTTP10", "yes", "true or false")]
    [InlineData("ISTIO_DUAL_STACK", "2", "true or false")]
    [InlineData("PILOT_SIDECAR_USE_REMOTE_ADDRESS", "on", "true or false")]
    public async Task WrongVariable_EndsTheStartWithItsNameAndValue(string name, string value, string wanted)
    {
        var environment = new Dictionary<string, string> { [name] = value };
        string expected = $"The environment variable {name} has '{value}'; it must be {wanted}.{Environment.NewLine}";
        var discovery = new StringWriter();
        var translate = new StringWriter();

        Assert.Equal(64, await DiscoveryCommand.RunAsync([], environment, TextWriter.Null, discovery));
        Assert.Equal(64, TranslateCommand.Run(["--proxy", "n", "--type", "routes", "-f", "m"], environment, TextWriter.Null, translate));

        Assert.Equal((expected, expected), (discovery.ToString(), translate.ToString()));
    }

    [Fact]
    public void Variables_OfEveryKind_AreRead()
    {
        var features = DiscoveryOptions.Parse(
            [],
            new Dictionary<string, string>
            {
                ["PILOT_DEBOUNCE_AFTER"] = "1m0.5s", ["PILOT_DEBOUNCE_MAX"] = "", ["PILOT_TRACE_SAMPLING"] = "12.5", ["PILOT_HTTP10"] = "1",
                ["ISTIO_DUAL_STACK"] = "False",
            },
            out _)!.Context.Features;

        Assert.Equal(
            (TimeSpan.FromSeconds(60.5), TimeSpan.FromSeconds(10), 12.5, true, false),
            (features.DebounceAfter, features.DebounceMax, features.TraceSampling, features.Http10, features.DualStack));
    }

    [Theory]
    [InlineData("", ":15012 (xDS over TLS) and :15017 (webhooks) are not served.")]
    [InlineData("--secureGRPCAddr=", ": :15017 (webhooks) is not served.")]
    [InlineData("--httpsAddr=", ": :15012 (xDS over TLS) is not served.")]
    [InlineData("--httpsAddr= --secureGRPCAddr=", null)]
    [InlineData("--tlsCertFile=a --tlsKeyFile=b", null)]
    public void AddressesWithoutCertificate_AreNamedWhereTheyWereAskedFor(string args, string? expected)
    {
        DiscoveryOptions options = DiscoveryOptions.Parse(
            args.Split(' ', StringSplitOptions.RemoveEmptyEntries), new Dictionary<string, string>(), out _)!;

        string? said = DiscoveryCommand.UnservedForLackOfCertificate(options);

        Assert.Equal(expected is null, said is null);
        Assert.EndsWith(expected ?? "", said ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Translate_WithoutManifests_IsToldSo()
    {
        Assert.Null(TranslateOptions.Parse(["--proxy", "n", "--type", "routes"], out string error));
        Assert.StartsWith("The flag '-f' is missing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_IsPrintedInsteadOfRunning()
    {
        var output = new StringWriter();
        var errors = new StringWriter();

        Assert.Equal(0, await DiscoveryCommand.RunAsync(["discovery", "--help"], new Dictionary<string, string>(), output, errors));

        Assert.StartsWith("Usage: discovery ", output.ToString(), StringComparison.Ordinal);
        Assert.Empty(errors.ToString());
    }

    [Theory]
    [InlineData("--proxy /nonexistent --type listeners -f /dev/null", "The file '/nonexistent' cannot be read: no such file.")]
    [InlineData("--proxy /proc/self/status --type listeners -f /nonexistent", "The file '/nonexistent' cannot be read: no such file.")]
    public void Translate_OfAMissingFile_NamesIt(string args, string expected)
    {
        var errors = new StringWriter();

        Assert.Equal(1, TranslateCommand.Run(args.Split(' '), new Dictionary<string, string>(), new StringWriter(), errors));

        Assert.Equal(expected, errors.ToString().TrimEnd());
    }

    [Fact]
    public async Task Address_InUse_EndsTheStartWithTheAddress()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        using var errors = new StringWriter();

        int exit = await DiscoveryCommand.RunAsync(
            ["--grpcAddr", taken.LocalEndpoint.ToString()!, "--httpAddr", "127.0.0.1:0", "--monitoringAddr", "127.0.0.1:0", "--secureGRPCAddr", "", "--httpsAddr", ""],
            new Dictionary<string, string>(), TextWriter.Null, errors);

        Assert.Equal(1, exit);
        Assert.Contains($"{taken.LocalEndpoint}: address already in use", errors.ToString(), StringComparison.Ordinal);
    }
}
