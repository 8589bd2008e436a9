using Pilotfish.Agent.Commands;

namespace Pilotfish.Agent.Tests.Commands;

public sealed class AgentHelpTests
{
    [Theory]
    [InlineData("proxy", "--help", "--print-bootstrap")]
    [InlineData("proxy", "sidecar --concurrency 2 -h", "--print-bootstrap")]
    [InlineData("wait", "--timeoutSeconds 1 --help", "--periodMillis")]
    [InlineData("request", "GET /x --help", "--debug-port")]
    public void Help_IsPrintedInsteadOfRunning(string role, string args, string expected)
    {
        var output = new StringWriter();
        var errors = new StringWriter();

        int exitCode = AgentCommand.Run(
            role, args.Split(' '), new Dictionary<string, string>(), output, errors,
            _ => throw new InvalidOperationException("The data plane was started."));

        Assert.Equal(0, exitCode);
        Assert.StartsWith($"Usage: {role} ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains(expected, output.ToString(), StringComparison.Ordinal);
        Assert.Empty(errors.ToString());
    }

    [Fact]
    public void WordsAfterTwoDashes_AreNoFlags() => Assert.Null(AgentHelp.Asked("request", ["GET", "--", "--help"]));
}
