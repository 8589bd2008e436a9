using System.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Local;

/// <summary>demo.sh as a newcomer runs it, to its end and interrupted on the way: nothing of it may be left.</summary>
[Collection("Meshes")]
public sealed class DemoTests
{
    // The first run of all may have to build the sample.
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(6);

    public DemoTests()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "curl", "setsid", "dotnet", "clang");
    }

    [Fact]
    public async Task Demo_RunToItsEnd_ShowsTheSplitsAndLeavesNothing()
    {
        var machine = MachineState.Take();
        (int exitCode, string output) = await RunAsync(machine, null, null);

        Assert.True(exitCode == 0, output);
        Assert.Matches(@"reviews v1: \d+\n  reviews v3: \d+\n", output);
        Assert.Matches("\\n  [1-9][0-9]+ requests during the change, 0 failed\n  reviews v2: 60\n", output);
        Assert.Contains("outbound|9080||productpage.default.svc.cluster.local", output, StringComparison.Ordinal);
        Assert.Contains("inbound|9080||", output, StringComparison.Ordinal);
        await machine.AssertSameAsync();
    }

    [Theory]
    [InlineData("while the mesh starts", "INT", "making the node's namespaces", 130)]
    [InlineData("while pods start", "TERM", "the control plane answers", 143)]
    [InlineData("while requests flow", "INT", "requests from the client pod", 130)]
    [InlineData("while the split changes", "TERM", "Changing the split", 143)]
    public async Task Demo_Interrupted_LeavesNothing(string label, string signal, string mark, int expected)
    {
        var machine = MachineState.Take();
        (int exitCode, string output) = await RunAsync(machine, mark, signal);

        Assert.True(exitCode == expected, $"{label}: exit code {exitCode}\n{output}");
        await machine.AssertSameAsync();
    }

    [Theory]
    [InlineData("--wrong", "unknown option '--wrong'")]
    [InlineData("REQUESTS=none", "must be a number above 0")]
    public async Task Demo_WrongUse_IsRefusedWithASentence(string wrong, string sentence)
    {
        string[] arguments = wrong.StartsWith('-') ? ["./demo.sh", wrong] : [wrong, "./demo.sh"];
        using Process demo = Process.Start(
            new ProcessStartInfo("env", arguments) { WorkingDirectory = Executable.Root, RedirectStandardError = true })!;
        string error = await demo.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await demo.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(64, demo.ExitCode);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
    }

    /// <summary>Sends the signal to the demo's whole session, as a terminal does, once <paramref name="mark"/> is printed.</summary>
    private static async Task<(int ExitCode, string Output)> RunAsync(MachineState machine, string? mark, string? signal)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(s_deadline);
        string[] words = ["-c", "exec setsid ./demo.sh \"$@\" 2>&1", "demo", .. Executable.IsPublished ? Array.Empty<string>() : ["--jit"]];
        var start = new ProcessStartInfo("/bin/sh", words) { WorkingDirectory = Executable.Root, RedirectStandardOutput = true };
        start.Environment["REQUESTS"] = "60";
        start.Environment[MachineState.MarkName] = machine.Mark;
        using Process demo = Process.Start(start)!;
        var output = new System.Text.StringBuilder();
        while (await demo.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            output.Append(line).Append('\n');
            if (mark is not null && line.Contains(mark, StringComparison.Ordinal))
            {
                mark = null;
                string target = signal == "INT" ? $"-{demo.Id}" : $"{demo.Id}";
                using Process kill = Process.Start("kill", [$"-{signal}", "--", target]);
                await kill.WaitForExitAsync(deadline.Token);
            }
        }

        await demo.WaitForExitAsync(deadline.Token);
        return (demo.ExitCode, output.ToString());
    }
}
