using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Pilotfish.Local.Pods;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Sandboxes;

/// <summary>One running start of a container: its main process and whatever that leaves behind.</summary>
internal sealed class ContainerProcess
{
    /// <summary>Between looks for the process that nsenter forks and its mounts; they take some milliseconds.</summary>
    private static readonly TimeSpan s_forkPoll = TimeSpan.FromMilliseconds(2);

    private readonly Process _nsenter;
    private readonly ContainerLaunch _launch;

    /// <summary>
    /// Held open until the rest is killed: the kernel gives a freed namespace's number to the next one, and a number alone would then
    /// name processes of others.
    /// </summary>
    private SafeFileHandle? _namespaceHold;

    private ContainerProcess(Process nsenter, ContainerLaunch launch)
    {
        _nsenter = nsenter;
        _launch = launch;
    }

    /// <summary>The main process as the host numbers it; 0 when it ended before it was seen.</summary>
    public int Pid { get; private set; }

    /// <summary>Known from the start's first moments on, and still when the main process is gone.</summary>
    public string? MountNamespace { get; private set; }

    public static async Task<ContainerProcess> StartAsync(Sandbox sandbox, ContainerLaunch launch, string scriptFile)
    {
        await File.WriteAllTextAsync(scriptFile, LaunchScript.Write(launch));
        IReadOnlyList<string> enter = sandbox.Enter();
        var start = new ProcessStartInfo(
            enter[0], [.. enter.Skip(1), "unshare", "--mount", "--", "/bin/sh", scriptFile]);
        Process nsenter = Process.Start(start) ?? throw new LocalException("'nsenter' could not be started.");
        var container = new ContainerProcess(nsenter, launch);
        await container.FindMainAsync();
        return container;
    }

    /// <summary>The exit code, with 128 + signal as shells count; the container's other processes are dead then.</summary>
    public async Task<int> WaitAsync()
    {
        await _nsenter.WaitForExitAsync();
        int exitCode = _nsenter.ExitCode;
        KillRest();
        _nsenter.Dispose();
        return exitCode;
    }

    public void Signal(int signal)
    {
        if (Pid > 0)
        {
            ProcessSignal.TrySend(Pid, signal);
        }
    }

    /// <summary>Program and arguments that run a command in this container, as its user and with its environment.</summary>
    public IReadOnlyList<string> ExecWords(IReadOnlyList<string> command) => ExecWords(Pid, _launch.Security, _launch.Environment, _launch.WorkingDirectory, command);

    public static IReadOnlyList<string> ExecWords(
        int pid,
        ContainerSecurity security,
        IReadOnlyDictionary<string, string> environment,
        string workingDirectory,
        IReadOnlyList<string> command)
    {
        const string enter = "cd -- \"$1\" || exit 126; shift; exec \"$@\"";
        return
        [
            "nsenter", "--target", pid.ToString(CultureInfo.InvariantCulture),
            "--mount", "--net", "--pid", "--uts", "--ipc", "--root", $"--wd=/proc/{pid.ToString(CultureInfo.InvariantCulture)}/root", "--",
            "/bin/sh", "-c", enter, "sh", workingDirectory,
            .. LaunchScript.Identity(security, environment), .. command,
        ];
    }

    /// <summary>Returns when the main process is inside its own root (or has ended): only then others may enter it.</summary>
    private async Task FindMainAsync()
    {
        while (!_nsenter.HasExited)
        {
            if (Pid == 0)
            {
                Pid = ProcessTable.FirstChild(_nsenter.Id) ?? 0;
            }

            string root = $"/proc/{Pid.ToString(CultureInfo.InvariantCulture)}/root";
            if (Pid > 0 && File.Exists(root + LaunchScript.RootMark))
            {
                return;
            }

            await Task.Delay(s_forkPoll);
        }
    }

    /// <summary>Remembered while the main process lives: its other processes are found by it when it is gone.</summary>
    public void RememberNamespace()
    {
        if (Pid == 0 || _namespaceHold is not null)
        {
            return;
        }

        try
        {
            _namespaceHold = File.OpenHandle(
                $"/proc/{Pid.ToString(CultureInfo.InvariantCulture)}/ns/mnt", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            MountNamespace = ProcessTable.MountNamespace(Pid);
        }
        catch (IOException)
        {
            // The main process has just ended: it left nothing that was seen.
        }
    }

    private void KillRest()
    {
        using SafeFileHandle? hold = _namespaceHold;
        if (MountNamespace is null || hold is null)
        {
            return;
        }

        foreach (int pid in ProcessTable.InMountNamespace(MountNamespace).ToArray())
        {
            ProcessSignal.TrySend(pid, ProcessSignal.SIGKILL);
        }
    }
}
