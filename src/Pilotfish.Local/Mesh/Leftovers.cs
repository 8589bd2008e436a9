using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// Removes what an `up` that was killed left: its processes died with it, but files and the node namespace's name stay.
/// </summary>
internal static class Leftovers
{
    /// <summary>A folder this young may belong to an `up --detach` whose process has not taken its lock yet.</summary>
    private static readonly TimeSpan s_youth = TimeSpan.FromSeconds(20);

    public static async Task<int> RemoveAsync()
    {
        int removed = 0;
        foreach (MeshFolders folders in MeshFolders.All().ToArray())
        {
            bool unclaimed = !File.Exists(folders.Lock)
                && DateTime.UtcNow - Directory.GetCreationTimeUtc(folders.Base) < s_youth;
            if (unclaimed)
            {
                continue;
            }

            using MeshLock? dead = MeshLock.TryTake(folders);
            if (dead is not null)
            {
                await RemoveAsync(folders);
                removed++;
            }
        }

        RemoveRootIfEmpty();
        return removed;
    }

    public static async Task RemoveAsync(MeshFolders folders)
    {
        if (File.Exists("/run/netns/" + folders.NodeNamespace))
        {
            await HostCommand.TryRunAsync("ip", ["netns", "delete", folders.NodeNamespace]);
        }

        if (Directory.Exists(folders.Base))
        {
            Directory.Delete(folders.Base, recursive: true);
        }
    }

    public static void RemoveRootIfEmpty()
    {
        try
        {
            Directory.Delete(MeshFolders.Root);
        }
        catch (IOException)
        {
            // Another mesh is there, or nothing ever was.
        }
    }
}
