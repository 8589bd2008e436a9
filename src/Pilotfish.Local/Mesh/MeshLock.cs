using Pilotfish.Local.State;

namespace Pilotfish.Local.Mesh;

/// <summary>Held by a running `up` for its whole life; the kernel lets go of it even after SIGKILL.</summary>
internal sealed class MeshLock : IDisposable
{
    private readonly FileStream _file;

    private MeshLock(FileStream file) => _file = file;

    /// <summary>Null when its `up` still runs.</summary>
    public static MeshLock? TryTake(MeshFolders folders)
    {
        try
        {
            return new MeshLock(new FileStream(folders.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => _file.Dispose();
}
