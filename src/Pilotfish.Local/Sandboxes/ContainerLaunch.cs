using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Sandboxes;

/// <summary>Everything that one start of a container needs, all names resolved to paths of the host.</summary>
internal sealed record ContainerLaunch
{
    public required string Name { get; init; }

    /// <summary>Folder on the pod's own tmpfs in which the root file system is made.</summary>
    public required string RootFolder { get; init; }

    public required string LogFile { get; init; }

    public required IReadOnlyList<string> Command { get; init; }

    public required string WorkingDirectory { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public required ContainerSecurity Security { get; init; }

    public required IReadOnlyList<BindMount> Mounts { get; init; }

    /// <summary>Files of the pod that replace the machine's: path in the container to path on the host.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }

    /// <summary>Links made in the container: path to target.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>Mount points of the machine that hold programs and libraries, to appear in the container too.</summary>
    public required IReadOnlyList<string> MachineMounts { get; init; }
}
