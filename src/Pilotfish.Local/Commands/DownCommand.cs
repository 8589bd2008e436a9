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
                await output.WriteLineAsync($"removed what {removed} killed meshes had left");
            }

            if (mesh is null && MeshLocator.Running().Count == 0)
            {
                await output.WriteLineAsync("no mesh is running");
                return ExitSuccess;
            }

            (MeshFolders folders, MeshDescription description) = MeshLocator.Find(mesh);
            await StopAsync(folders, description.UpPid);
            await output.WriteLineAsync($"the mesh of {description.Directory} is removed");
            return ExitSuccess;
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return ExitFailure;
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
