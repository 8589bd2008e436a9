using System.Collections.Concurrent;
using System.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>A process of ours inside a test's network namespace, its log at hand.</summary>
internal sealed class AgentProcessRun : IDisposable
{

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();

    private AgentProcessRun(Process process)
    {
        _process = process;
        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Log => string.Join('\n', _lines);

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public static AgentProcessRun Discovery(TestNamespace at, string folder, params string[] flags) =>
        Start(at, folder, Executable.Path, [], ["discovery", "--configDir", folder, .. flags]);

    /// <summary>The sidecar's agent. Its mounted files are looked for below <paramref name="folder"/>.</summary>
    public static AgentProcessRun Sidecar(TestNamespace at, string folder, string discoveryAddress, params string[] environment) =>
        Sidecar(at, folder, discoveryAddress, Executable.Path, environment);

    public static AgentProcessRun Sidecar(
        TestNamespace at, string folder, string discoveryAddress, string executable, IReadOnlyList<string> environment) => Start(
        at, folder, executable,
        [
            "POD_NAME=pod", "POD_NAMESPACE=default", "INSTANCE_IP=127.0.0.1", "ISTIO_META_CLUSTER_ID=Kubernetes",
            $"PROXY_CONFIG={{\"discoveryAddress\":\"{discoveryAddress}\",\"concurrency\":1}}", .. environment,
        ],
        ["proxy", "sidecar", "--domain", "default.svc.cluster.local", "--proxyLogLevel=info"]);

    /// <summary>The data plane alone.</summary>
    public static AgentProcessRun Serve(TestNamespace at, string folder, string bootstrap) =>
        Start(at, folder, Executable.Path, [], ["serve", "-c", bootstrap, "--concurrency", "1"]);

    public async Task<string> UntilLogAsync(string part)
    {
        await UntilAsync(() => Task.FromResult(_lines.Any(line => line.Contains(part, StringComparison.Ordinal))), $"the log line '{part}'");
        return _lines.First(line => line.Contains(part, StringComparison.Ordinal));
    }

    public async Task UntilAsync(Func<Task<bool>> reached, string what, TimeSpan? patience = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < (patience ?? Patience.Limit), $"What was waited for did not come: {what}\n{Log}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }

    public void Signal(int signal) => ProcessSignal.TrySend(_process.Id, signal);

    public async Task UntilExitAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await _process.WaitForExitAsync(deadline.Token);
    }

    /// <summary>How long it takes to end after the signal, at most: what delays this process counts too.</summary>
    public async Task<TimeSpan> UntilExitAfterAsync(int signal)
    {
        long began = Stopwatch.GetTimestamp();
        Signal(signal);
        await UntilExitAsync();
        return Stopwatch.GetElapsedTime(began);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    // `ip netns exec` becomes the program: the process is ours, not a parent of it.
    private static AgentProcessRun Start(TestNamespace at, string folder, string executable, string[] environment, string[] words)
    {
        var start = new ProcessStartInfo("ip", ["netns", "exec", at.Name, "env", .. environment, executable, .. words])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new AgentProcessRun(Process.Start(start)!);
    }

    private void Take(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is { } line)
        {
            _lines.Enqueue(line);
        }
    }
}
