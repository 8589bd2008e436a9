using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Pods;

/// <summary>A volume: sources in order (several for `projected`), or none for an empty directory.</summary>
internal sealed record VolumeSpec(string Name, IReadOnlyList<VolumeSource> Sources, SourcePosition Position)
{
    /// <summary>A directory of the host, bound as it is.</summary>
    public string? HostPath { get; init; }

    /// <summary>Permission bits of files; executables may ask for more.</summary>
    public int FileMode { get; init; } = Convert.ToInt32("644", 8);
}
