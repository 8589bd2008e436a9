using System.ComponentModel;
using System.Diagnostics;

namespace Pilotfish.Local.Sandboxes;

/// <summary>Runs a short program of the machine (ip, iptables-restore, ...) to its end, without a shell.</summary>
internal static class HostCommand
{
    /// <summary>None of them waits for anything; one that takes this long is stuck.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(string program, IReadOnlyList<string> args, string input = "")
    {
        (int exitCode, string error) = await TryRunAsync(program, args, input);
        if (exitCode != 0)
        {
            throw new LocalException($"'{program} {string.Join(' ', args)}' failed: {error.Trim()}");
        }
    }

    public static async Task<(int ExitCode, string Error)> TryRunAsync(
        string program, IReadOnlyList<string> args, string input = "")
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var deadline = new CancellationTokenSource(s_deadline);
        try
        {
            using Process process = Process.Start(start) ?? throw new LocalException($"'{program}' could not be started.");
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            await WriteAsync(process, input);
            await process.WaitForExitAsync(deadline.Token);
            await output;
            return (process.ExitCode, await error);
        }
        catch (Win32Exception e)
        {
            throw new LocalException($"'{program}' could not be started: {e.Message}.", e);
        }
        catch (OperationCanceledException e)
        {
            throw new LocalException($"'{program} {string.Join(' ', args)}' did not end within {s_deadline.TotalSeconds:0} seconds.", e);
        }
    }

    private static async Task WriteAsync(Process process, string input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading; its exit code and message say why.
        }
    }
}
