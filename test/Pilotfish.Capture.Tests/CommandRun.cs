namespace Pilotfish.Capture.Tests;

/// <summary>One call of the public entry, as both executables make it.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public static CommandRun Of(IReadOnlyList<string> args, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var stdout = new StringWriter { NewLine = "\n" };
        using var stderr = new StringWriter { NewLine = "\n" };
        int exitCode = IptablesCommand.Run(args, environment ?? new Dictionary<string, string>(), stdout, stderr);
        return new CommandRun(exitCode, stdout.ToString(), stderr.ToString());
    }

    /// <summary>A dry run that depends on nothing of this machine.</summary>
    public static CommandRun Dry(params string[] args) => Of(["--dry-run", "--ipv6=false", "-u", "1337", .. args]);
}
