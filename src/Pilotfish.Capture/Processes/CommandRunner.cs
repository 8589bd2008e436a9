using System.ComponentModel;
using System.Diagnostics;

namespace Pilotfish.Capture.Processes;

/// <summary>Starts programs directly, without a shell, optionally inside another network namespace through nsenter.</summary>
internal sealed class CommandRunner(string networkNamespace, IReadOnlyDictionary<string, string> extraEnvironment)
    : ICommandRunner
{
    /// <summary>iptables waits up to 30 s for its lock; anything much longer is stuck.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private const int ExitNotFound = 127;

    public CommandResult Run(string program, IReadOnlyList<string> args, string? input = null)
    {
        ProcessStartInfo start = networkNamespace.Length == 0
            ? new ProcessStartInfo(program, args)
            : new ProcessStartInfo("nsenter", ["--net=" + networkNamespace, "--", program, .. args]);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        foreach ((string name, string value) in extraEnvironment)
        {
            start.Environment[name] = value;
        }

        try
        {
            using Process process = Process.Start(start)
                ?? throw new CaptureException($"'{program}' could not be started.");
            return Finish(process, program, input);
        }
        catch (Win32Exception e) when (e.NativeErrorCode == 2)
        {
            // ENOENT: the caller knows an alternative or the command that installs it.
            return new CommandResult(ExitNotFound, string.Empty, $"{start.FileName}: not found", IsMissing: true);
        }
        catch (Win32Exception e)
        {
            return new CommandResult(ExitNotFound, string.Empty, $"{start.FileName}: {e.Message}");
        }
    }

    private static CommandResult Finish(Process process, string program, string? input)
    {
        // Both pipes are read while the input is written: any of the three may fill up first.
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input ?? string.Empty);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading; its exit code and message say why.
        }

        if (!process.WaitForExit(s_deadline))
        {
            process.Kill(entireProcessTree: true);
            throw new CaptureException($"'{program}' did not end within {s_deadline.TotalSeconds:0} seconds.");
        }

        string errorText = error.GetAwaiter().GetResult();
        bool missing = process.ExitCode == ExitNotFound && errorText.Contains("No such file", StringComparison.Ordinal);
        return new CommandResult(process.ExitCode, output.GetAwaiter().GetResult(), errorText, missing);
    }
}
