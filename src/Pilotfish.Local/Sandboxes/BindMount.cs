namespace Pilotfish.Local.Sandboxes;

/// <summary>A path of the host that appears at a path of the container.</summary>
internal sealed record BindMount(string Source, string Target, bool IsReadOnly);
