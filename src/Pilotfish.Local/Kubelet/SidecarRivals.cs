using System.Globalization;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;

namespace Pilotfish.Local.Kubelet;

/// <summary>
/// Finds what a running app does against its sidecar, whatever its manifest declares: it runs as the sidecar's user, or holds or
/// wants a port of the sidecar. Looks at /proc, a few milliseconds for a node of some hundred processes.
/// </summary>
internal static class SidecarRivals
{
    private const string Listening = "0A";
    private const int UidField = 7;
    private const int InodeField = 9;

    // What a program says of a port that it did not get stands in its last lines.
    private const int LogTailBytes = 4096;

    /// <summary>
    /// One sentence per finding, with the container's place in its manifest. What was found once stands for the pod's life: an app that
    /// ends and is restarted over and over would else be told of as often. Called by one task only.
    /// </summary>
    public static IReadOnlyList<string> Of(IEnumerable<PodWorker> pods)
    {
        PodWorker[] meshed = [.. pods.Where(static pod => pod.Pod.HasSidecar && pod.Phase != PodPhase.Terminating)];
        if (meshed.Length == 0)
        {
            return [];
        }

        ILookup<string, int> processes = ProcessTable.ByMountNamespace();
        foreach (PodWorker pod in meshed)
        {
            pod.Rivals.UnionWith(pod.Apps().SelectMany(app => Of(app, processes)));
        }

        return [.. meshed.SelectMany(static pod => pod.Rivals)];
    }

    internal static IEnumerable<string> Of(RunningContainer app, ILookup<string, int> processes)
    {
        int[] own = app.MountNamespace is { } identity ? [.. processes[identity]] : [];
        if (own.Any(static pid => ProcessTable.HasUserOrGroup(pid, SidecarNeeds.Uid)))
        {
            yield return SidecarNeeds.UserIsTaken(app.Spec);
        }

        int[] held = own.Length == 0 ? [] : [.. PortsHeldBy(own)];
        foreach (int port in SidecarNeeds.Ports.Where(port => held.Contains(port) || WasRefused(app, port)))
        {
            yield return SidecarNeeds.PortIsTaken(app.Spec, port);
        }
    }

    private static IEnumerable<int> PortsHeldBy(int[] processes)
    {
        Dictionary<string, int> sockets = ListenersOfOthers(processes[0]);
        if (sockets.Count == 0)
        {
            yield break;
        }

        foreach (string socket in processes.SelectMany(ProcessTable.Sockets))
        {
            if (sockets.TryGetValue(socket, out int port))
            {
                yield return port;
            }
        }
    }

    /// <summary>By inode: the listening sockets on the sidecar's ports that are not its own user's.</summary>
    private static Dictionary<string, int> ListenersOfOthers(int pid)
    {
        var found = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string line in ProcessTable.TcpSockets(pid))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > InodeField && fields[3] == Listening && fields[UidField] != SidecarNeeds.UidText
                && int.TryParse(fields[1].AsSpan(fields[1].LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int port)
                && SidecarNeeds.Ports.Contains(port))
            {
                found[fields[InodeField]] = port;
            }
        }

        return found;
    }

    /// <summary>The sidecar was first: the app ended, and its last words name the port.</summary>
    private static bool WasRefused(RunningContainer app, int port)
    {
        if (app.Phase is not (ContainerPhase.BackOff or ContainerPhase.Terminated) || app.ExitCode == 0)
        {
            return false;
        }

        string tail = FileTail.Read(app.LogFile, LogTailBytes);
        bool inUse = tail.Contains("EADDRINUSE", StringComparison.Ordinal) || tail.Contains("address already in use", StringComparison.OrdinalIgnoreCase);
        return inUse && tail.Contains(port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }
}
