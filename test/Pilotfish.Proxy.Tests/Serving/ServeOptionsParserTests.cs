using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Tests.Serving;

public sealed class ServeOptionsParserTests
{
    [Fact]
    public void Parse_AgentsArguments_AreAllTaken()
    {
        ServeOptions? options = ServeOptionsParser.Parse(
            [
                "-c", "etc/istio/proxy/envoy-rev.json", "--drain-time-s", "45", "--drain-strategy", "immediate",
                "--local-address-ip-version", "v4", "--file-flush-interval-msec", "1000", "--disable-hot-restart",
                "--allow-unknown-static-fields", "-l", "warning", "--component-log-level", "misc:error",
                "--skip-deprecated-logs", "--config-yaml", "{}", "--concurrency", "2",
            ],
            out string problem);

        Assert.Equal("", problem);
        Assert.NotNull(options);
        Assert.Equal("etc/istio/proxy/envoy-rev.json", options.ConfigPath);
        Assert.Equal(45, options.DrainSeconds);
        Assert.Equal(DrainStrategy.Immediate, options.DrainStrategy);
        Assert.Equal(2, options.Concurrency);
        Assert.Equal(LogLevel.Warning, options.LogLevel);
        Assert.True(options.AllowsUnknownStaticFields);
        Assert.Equal(("misc", LogLevel.Error), Assert.Single(options.ComponentLogLevels));
    }

    [Theory]
    [InlineData("--log-path=/var/log/proxy.log")]
    [InlineData("--log-path", "/var/log/proxy.log")]
    public void Parse_LogPath_IsTaken(params string[] args) =>
        Assert.Equal("/var/log/proxy.log", ServeOptionsParser.Parse(args, out _)!.LogPath);

    [Theory]
    [InlineData("--log-path")]
    [InlineData("--nonsense", "x")]
    [InlineData("--concurrency", "many")]
    [InlineData("--mode", "init")]
    [InlineData("-l", "loud")]
    [InlineData("-c")]
    [InlineData("file.yaml", "x")]
    public void Parse_Bad_NamesTheFlag(params string[] args)
    {
        Assert.Null(ServeOptionsParser.Parse(args, out string problem));
        Assert.Contains(args[0], problem);
    }
}
