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

    /// <summary>Each finds fewer files; what makes new ones without end is not of a dead mesh.</summary>
    private const int DeletionsMax = 10;

    public static async Task<int> RemoveAsync()
    {
        int removed = 0;
        foreach (MeshFolders folders in MeshFolders.All())
        {
            bool isClaimed = File.Exists(folders.Lock);
            bool isYoung = DateTime.UtcNow - Directory.GetCreationTimeUtc(folders.Base) < s_youth;
            using MeshLock? dead = isClaimed ? MeshLock.TryTakeOver(folders) : null;
            if (dead is not null || (!isClaimed && !isYoung))
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

        for (int tries = DeletionsMax; Directory.Exists(folders.Base); tries--)
        {
            try
            {
                Directory.Delete(folders.Base, recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
                // Another command removes the same: what it took first is gone all the same.
            }
            catch (IOException) when (tries > 0)
            {
                // The last process of a pod has written something while its folder was emptied.
            }
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
            // Another mesh is there, or nothing ever was, or somebody else was first.
        }
    }
}
