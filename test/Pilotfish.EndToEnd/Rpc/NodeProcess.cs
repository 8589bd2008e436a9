using System.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>Runs the scripts of the Node folder with the packages that ./test.sh puts in artifacts/node.</summary>
internal static class NodeProcess
{
    private static readonly string s_modules = Path.Combine(Executable.Root, "artifacts", "node", "node_modules");

    public static string Script(string name) => Path.Combine(Executable.Root, "test", "Pilotfish.EndToEnd", "Node", name);

    public static Process Start(string script, params string[] arguments)
    {
        Prerequisite.Program("node");
        Prerequisite.Require(Directory.Exists(s_modules), "This test needs the packages of test/Pilotfish.EndToEnd/Node; ./test.sh installs them.");
        var start = new ProcessStartInfo("node", [Script(script), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NODE_PATH"] = s_modules;
        return Process.Start(start)!;
    }

    /// <summary>Runs to the end; a script that fails says why in the exception.</summary>
    public static async Task<string> RunAsync(string script, params string[] arguments)
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        using Process process = Start(script, arguments);
        Task<string> error = process.StandardError.ReadToEndAsync(stop);
        string output = await process.StandardOutput.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{script} ended with {process.ExitCode}: {output}{await error}");
    }
}
