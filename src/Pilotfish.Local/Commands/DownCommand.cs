using System.Diagnostics;
using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Commands;

/// <summary>`down [DIR]`: stops a mesh and removes what killed ones left.</summary>
public static class DownCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;

    /// <summary>The longest usual grace period of a pod, and something for the rest.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    public static async Task<int> RunAsync(string? mesh, TextWriter output, TextWriter error)
    {
        try
        {
            MachineNeeds.Demand();
            int removed = await Leftovers.RemoveAsync();
            if (removed > 0)
            {
                await output.WriteLineAsync($"removed what {removed} killed {(removed == 1 ? "mesh" : "meshes")} had left");
            }

            if (MeshLocator.TryFind(mesh) is not { } found)
            {
                // Not an error: a script that cleans up must not have to ask first.
                Demand(mesh);
                await output.WriteLineAsync(mesh is null ? "no mesh is running" : $"no mesh of {mesh} is running");
                return ExitSuccess;
            }

            await StopAsync(found.Folders, found.Description.UpPid);
            await output.WriteLineAsync($"the mesh of {found.Description.Directory} is removed");
            return ExitSuccess;
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return ExitFailure;
        }
    }

    /// <summary>A misspelt name is an error all the same. The folder of a mesh may be gone, but then its mesh was found.</summary>
    private static void Demand(string? mesh)
    {
        if (mesh is not null && !Directory.Exists(mesh) && !MeshFolders.IsId(mesh))
        {
            throw new LocalException($"There is no folder and no mesh '{mesh}'.");
        }
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
