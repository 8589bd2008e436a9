using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Config;

/// <summary>The part of metadata that the control plane reads.</summary>
public sealed record ObjectMeta
{
    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Instance;

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = EmptyLabels.Instance;

    /// <summary>The default value when the object carries none, as objects from files do.</summary>
    public DateTimeOffset CreationTime { get; init; }

    public string ApiVersion { get; init; } = "";

    public string Kind { get; init; } = "";
}
