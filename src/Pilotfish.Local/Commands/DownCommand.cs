using System.Diagnostics;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Commands;

/// <summary>`down [DIR]`, `down --all`: stops one mesh, or all, and removes what killed ones left.</summary>
public static class DownCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;

    /// <summary>The longest usual grace period of a pod, and something for the rest.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    /// <param name="mesh">Folder or id; null for the current folder's mesh, else the only one there is.</param>
    /// <param name="isAll">Every mesh of this machine; <paramref name="mesh"/> is null then.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    public static async Task<int> RunAsync(string? mesh, bool isAll, TextWriter output, TextWriter error)
    {
        try
        {
            if (isAll && mesh is not null)
            {
                throw new LocalException($"'--all' and '{mesh}' contradict each other; give one of them.");
            }

            MachineNeeds.Demand();
            int removed = await Leftovers.RemoveAsync();
            if (removed > 0)
            {
                await output.WriteLineAsync($"removed what {removed} killed {(removed == 1 ? "mesh" : "meshes")} had left");
            }

            IReadOnlyList<(MeshFolders Folders, MeshDescription Description)> found = isAll ? MeshLocator.Running() : One(mesh);
            foreach ((MeshFolders folders, MeshDescription description) in found)
            {
                await StopAsync(folders, description.UpPid);
                await output.WriteLineAsync($"the mesh of {description.Directory} is removed");
            }

            if (found.Count == 0)
            {
                // Not an error: a script that cleans up must not have to ask first.
                await output.WriteLineAsync(mesh is null ? "no mesh is running" : $"no mesh of {mesh} is running");
            }

            return ExitSuccess;
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return ExitFailure;
        }
    }

    private static IReadOnlyList<(MeshFolders Folders, MeshDescription Description)> One(string? mesh)
    {
        if (MeshLocator.TryFind(mesh, "'pilotfish down --all' removes all") is { } found)
        {
            return [found];
        }

        MeshLocator.DemandName(mesh);
        return [];
    }

    private static async Task StopAsync(MeshFolders folders, int upPid)
    {
        // The lock is held, so the process is alive and the id is its own.
        ProcessSignal.TrySend(upPid, ProcessSignal.SIGTERM);
        long began = Stopwatch.GetTimestamp();
        while (Directory.Exists(folders.Base))
        {
            if (Stopwatch.GetElapsedTime(began) > s_deadline)
            {
                ProcessSignal.TrySend(upPid, ProcessSignal.SIGKILL);
                await Task.Delay(s_poll);
                await Leftovers.RemoveAsync(folders);
                return;
            }

            await Task.Delay(s_poll);
        }
    }
}
