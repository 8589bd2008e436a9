using System.Diagnostics;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Capture;

/// <summary>The data plane as uid 1337 inside a pod's namespace, with packet capture on, as an injected pod has it.</summary>
internal sealed class SidecarProcess : IDisposable
{
    private const string ReadyMark = "starting workers";

    private readonly Process _process;
    private readonly string _directory;

    private SidecarProcess(Process process, string directory)
    {
        _process = process;
        _directory = directory;
    }

    public static async Task<SidecarProcess> StartAsync(TestNamespace pod, string bootstrap)
    {
        pod.Run(Executable.Path, "istio-iptables", "--ipv6=true", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT",
            "-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020");
        string directory = Directory.CreateTempSubdirectory("pilotfish-e2e-").FullName;
        string file = Path.Combine(directory, "bootstrap.yaml");
        File.WriteAllText(file, bootstrap);
        pod.Run("chmod", "755", directory);
        string[] args =
        [
            "netns", "exec", pod.Name, "setpriv", "--reuid", "1337", "--regid", "1337", "--clear-groups",
            Executable.Path, "serve", "-c", file, "--concurrency", "2", "--log-level", "info",
        ];
        Process process = Process.Start(new ProcessStartInfo("ip", args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var sidecar = new SidecarProcess(process, directory);
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (await process.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains(ReadyMark, StringComparison.Ordinal))
            {
                _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
                return sidecar;
            }
        }

        sidecar.Dispose();
        throw new InvalidOperationException("The sidecar ended before it was ready.");
    }

    /// <summary>Ends it and returns what it wrote to its standard output (the access log).</summary>
    public async Task<string> StopAsync()
    {
        Task<string> output = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await kill.WaitForExitAsync(CancellationToken.None);
        await _process.WaitForExitAsync(CancellationToken.None);
        return await output;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
