namespace Pilotfish.Local.Pods;

/// <summary>Where a volume, or a path within it, appears in the container.</summary>
internal sealed record VolumeMount(string Volume, string Path, string SubPath, bool IsReadOnly);
