using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;

namespace Pilotfish.Local.Commands;

/// <summary>
/// Finds the running mesh that a command means: the one of a folder or an id; where none is named the one of the current folder, else
/// the only one there is. Several are listed and none is chosen.
/// </summary>
internal static class MeshLocator
{
    public static IReadOnlyList<(MeshFolders Folders, MeshDescription Description)> Running()
    {
        var running = new List<(MeshFolders, MeshDescription)>();
        foreach (MeshFolders folders in MeshFolders.All())
        {
            if (MeshDescription.Read(folders.Description) is not { } description)
            {
                continue;
            }

            using MeshLock? dead = MeshLock.TryTakeOver(folders);
            if (dead is null)
            {
                running.Add((folders, description));
            }
        }

        return running;
    }

    public static (MeshFolders Folders, MeshDescription Description) Find(string? mesh)
    {
        if (TryFind(mesh) is { } found)
        {
            return found;
        }

        DemandName(mesh);
        throw new LocalException(mesh is null
            ? "No mesh is running. Start one with 'pilotfish up DIR'."
            : MeshFolders.IsId(mesh) ? $"No mesh '{mesh}' is running." : $"No mesh of '{mesh}' is running. Start it with 'pilotfish up {mesh}'.");
    }

    /// <summary>A misspelt name is no mesh that does not run. The folder of a mesh may be gone, but then its mesh was found.</summary>
    /// <exception cref="LocalException">It is neither a folder nor an id.</exception>
    public static void DemandName(string? mesh)
    {
        if (mesh is not null && !Directory.Exists(mesh) && !MeshFolders.IsId(mesh))
        {
            throw new LocalException($"There is no folder and no mesh '{mesh}'.");
        }
    }

    /// <summary>Null when no such mesh runs.</summary>
    /// <param name="mesh">Folder or id; null for the current folder's mesh, else the only one there is.</param>
    /// <param name="advice">What else there is to do when several run.</param>
    /// <exception cref="LocalException">Several run, none of them in the current folder, and none was named.</exception>
    public static (MeshFolders Folders, MeshDescription Description)? TryFind(string? mesh, string? advice = null)
    {
        var running = Running();
        string path = mesh ?? Environment.CurrentDirectory;
        foreach ((MeshFolders Folders, MeshDescription Description) candidate in running)
        {
            if (candidate.Folders.Id == mesh || IsOf(candidate.Description, path))
            {
                return candidate;
            }
        }

        if (mesh is not null || running.Count == 0)
        {
            return null;
        }

        return running.Count == 1
            ? running[0]
            : throw new LocalException($"Several meshes are running; name one by its folder or id{(advice is null ? "" : $" ({advice})")}:"
                + string.Concat(running.Select(m => $"\n  {m.Folders.Id}  {m.Description.Directory}")));
    }

    public static bool IsOf(MeshDescription mesh, string directory) => RealPath(mesh.Directory) == RealPath(directory);

    /// <summary>Absolute and without links, so that one folder has one name.</summary>
    private static string RealPath(string directory)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return Directory.Exists(full) ? Sandboxes.RootPaths.Resolve(full) : full;
    }

    /// <summary>A pod by name, "namespace/name", or the beginning of a name that only one has.</summary>
    public static PodDescription FindPod(MeshDescription mesh, string name)
    {
        string[] parts = name.Split('/');
        (string ns, string wanted) = parts.Length == 2 ? (parts[0], parts[1]) : ("default", name);
        PodDescription[] own = [.. mesh.Pods.Where(p => p.Namespace == ns)];
        PodDescription? exact = own.FirstOrDefault(p => p.Name == wanted);
        PodDescription[] begun = [.. own.Where(p => p.Name.StartsWith(wanted, StringComparison.Ordinal))];
        PodDescription[] alive = [.. begun.Where(p => p.Phase != nameof(Kubelet.PodPhase.Terminating))];
        PodDescription[] candidates = alive.Length > 0 ? alive : begun;
        if (exact is not null || candidates.Length == 1)
        {
            return exact ?? candidates[0];
        }

        string known = string.Join(", ", mesh.Pods.Select(p => p.ShortName));
        throw new LocalException(candidates.Length == 0
            ? $"There is no pod '{name}'. There are: {known}."
            : $"'{name}' may be any of: {string.Join(", ", candidates.Select(p => p.ShortName))}.");
    }

    public static ContainerDescription FindContainer(PodDescription pod, string? name)
    {
        if (name is null)
        {
            return pod.Containers.FirstOrDefault(c => !c.IsInit && c.Name != Pods.PodSpec.SidecarContainer)
                ?? pod.Containers.FirstOrDefault(c => !c.IsInit)
                ?? throw new LocalException($"Pod '{pod.ShortName}' has no running container yet.");
        }

        return pod.Containers.FirstOrDefault(c => c.Name == name)
            ?? throw new LocalException(
                $"Pod '{pod.ShortName}' has no container '{name}'. It has: {string.Join(", ", pod.Containers.Select(c => c.Name))}.");
    }
}
