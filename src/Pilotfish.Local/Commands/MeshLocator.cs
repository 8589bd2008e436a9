using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;

namespace Pilotfish.Local.Commands;

/// <summary>Finds the running mesh that a command means: by directory or id, or the only one there is.</summary>
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

            using MeshLock? dead = MeshLock.TryTake(folders);
            if (dead is null)
            {
                running.Add((folders, description));
            }
        }

        return running;
    }

    public static (MeshFolders Folders, MeshDescription Description) Find(string? mesh)
    {
        var running = Running();
        if (mesh is not null)
        {
            string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(mesh));
            var matches = running.Where(m => m.Folders.Id == mesh || m.Description.Directory == path).ToList();
            return matches.Count > 0
                ? matches[0]
                : throw new LocalException($"No mesh of '{mesh}' is running. Start it with 'pilotfish up {mesh}'.");
        }

        return running.Count switch
        {
            1 => running[0],
            0 => throw new LocalException("No mesh is running. Start one with 'pilotfish up DIR'."),
            _ => throw new LocalException(
                "Several meshes are running; name one: " + string.Join(", ", running.Select(m => m.Description.Directory))),
        };
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
            return pod.Containers.FirstOrDefault(c => !c.IsInit && c.Name != "istio-proxy")
                ?? pod.Containers.FirstOrDefault(c => !c.IsInit)
                ?? throw new LocalException($"Pod '{pod.ShortName}' has no running container yet.");
        }

        return pod.Containers.FirstOrDefault(c => c.Name == name)
            ?? throw new LocalException(
                $"Pod '{pod.ShortName}' has no container '{name}'. It has: {string.Join(", ", pod.Containers.Select(c => c.Name))}.");
    }
}
