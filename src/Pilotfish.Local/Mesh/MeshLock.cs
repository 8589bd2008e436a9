using Pilotfish.Local.State;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// Held by a running `up` for its whole life; the kernel lets go of it even after SIGKILL. Others take it for a moment to learn that its
/// holder is dead, and never make it: in a folder that is just being removed it would be left over.
/// </summary>
internal sealed class MeshLock : IDisposable
{
    /// <summary>Longer than any sweep or look holds the lock of a mesh that begins.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    private readonly FileStream _file;

    private MeshLock(FileStream file) => _file = file;

    /// <summary>For the `up` whose mesh it is: makes the folders and takes the lock in them. Null when another one has it.</summary>
    public static async Task<MeshLock?> TakeAsync(MeshFolders folders)
    {
        // A sweep may have met the lock between its making and its taking, and removed both: then all begins again.
        using var deadline = new CancellationTokenSource(s_patience);
        while (!deadline.IsCancellationRequested)
        {
            MeshLock? taken = null;
            try
            {
                folders.Create();
                taken = TryOpen(folders, FileMode.OpenOrCreate);
            }
            catch (DirectoryNotFoundException)
            {
                // Removed while it was made.
            }

            if (taken is not null && File.Exists(folders.Lock))
            {
                return taken;
            }

            taken?.Dispose();
            await Task.Delay(s_poll, CancellationToken.None);
        }

        return null;
    }

    /// <summary>Null when its `up` still runs, and when there is no lock (any more).</summary>
    public static MeshLock? TryTakeOver(MeshFolders folders) => TryOpen(folders, FileMode.Open);

    public void Dispose() => _file.Dispose();

    private static MeshLock? TryOpen(MeshFolders folders, FileMode mode)
    {
        try
        {
            return new MeshLock(new FileStream(folders.Lock, mode, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
