using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Local.Sandboxes;

/// <summary>
/// Namespaces (network, mount, PID, UTS, IPC) and the process that keeps them: a `cat` on a pipe of ours, being process 1.
/// When our end of the pipe closes (we stop it, or we are killed) it ends, and the kernel kills everything else in
/// the PID namespace and frees namespaces, mounts and links with it. So nothing survives us.
/// </summary>
internal sealed class Sandbox : IAsyncDisposable
{
    private const string ReadyLine = "ready";

    /// <summary>Making namespaces takes milliseconds; a loaded machine may take seconds.</summary>
    private static readonly TimeSpan s_startDeadline = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_stopDeadline = TimeSpan.FromSeconds(10);

    private readonly Process _unshare;

    private Sandbox(Process unshare, int initPid)
    {
        _unshare = unshare;
        InitPid = initPid;
    }

    /// <summary>Process 1 of the sandbox, as the host numbers it.</summary>
    public int InitPid { get; }

    public string NetworkNamespacePath => $"/proc/{InitPid.ToString(CultureInfo.InvariantCulture)}/ns/net";

    /// <summary>Starts the namespaces and runs <paramref name="setUp"/> (shell lines) in them as root.</summary>
    public static async Task<Sandbox> StartAsync(string name, string setUp)
    {
        // An ignored SIGCHLD survives exec and makes the kernel reap the orphans that process 1 inherits.
        string script = $"set -e\ntrap '' CHLD\nmount -t proc proc /proc\nip link set lo up\n{setUp}\necho {ReadyLine}\nexec cat >/dev/null\n";
        var start = new ProcessStartInfo(
            "setsid", ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--", "/bin/sh", "-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process unshare = Process.Start(start) ?? throw new LocalException("'unshare' could not be started.");
        using var deadline = new CancellationTokenSource(s_startDeadline);
        try
        {
            Task<string> error = unshare.StandardError.ReadToEndAsync();
            string? line = await unshare.StandardOutput.ReadLineAsync(deadline.Token);
            if (line == ReadyLine && ProcessTable.FirstChild(unshare.Id) is int init)
            {
                return new Sandbox(unshare, init);
            }

            unshare.Kill();
            throw new LocalException($"The namespaces of '{name}' could not be made: {(await error).Trim()}");
        }
        catch (OperationCanceledException e)
        {
            unshare.StandardInput.Close();
            unshare.Dispose();
            throw new LocalException(
                $"The namespaces of '{name}' were not ready within {s_startDeadline.TotalSeconds:0} seconds.", e);
        }
    }

    /// <summary>
    /// The words that run a program inside, to be followed by the program. It gets a session of its own: Ctrl-C on the
    /// terminal of `up` goes to its whole process group, and containers are stopped in order, not by that.
    /// </summary>
    public IReadOnlyList<string> Enter() =>
    [
        "setsid", "nsenter", "--target", InitPid.ToString(CultureInfo.InvariantCulture),
        "--mount", "--net", "--pid", "--uts", "--ipc", "--",
    ];

    /// <summary>Kills everything inside. The kernel has freed the namespaces when this returns.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _unshare.StandardInput.Close();
            using var deadline = new CancellationTokenSource(s_stopDeadline);
            await _unshare.WaitForExitAsync(deadline.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Process 1 is busy dying with its children, or was killed by somebody; killing it again is safe.
            Runtime.Interop.ProcessSignal.TrySend(InitPid, Runtime.Interop.ProcessSignal.SIGKILL);
        }

        _unshare.Dispose();
    }
}
