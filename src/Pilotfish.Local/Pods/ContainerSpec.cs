using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Pods;

/// <summary>What a manifest says of one container, read once.</summary>
internal sealed record ContainerSpec
{
    public required string Name { get; init; }

    public required string Image { get; init; }

    public required SourcePosition Position { get; init; }

    /// <summary>Program and arguments, variables not yet expanded. Never empty.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    public required string? WorkingDirectory { get; init; }

    public required IReadOnlyList<EnvironmentEntry> Environment { get; init; }

    public required IReadOnlyList<ContainerPort> Ports { get; init; }

    public required IReadOnlyList<VolumeMount> Mounts { get; init; }

    public required ContainerSecurity Security { get; init; }

    public required IReadOnlyDictionary<string, string> Limits { get; init; }

    public required IReadOnlyDictionary<string, string> Requests { get; init; }

    public ProbeSpec? StartupProbe { get; init; }

    public ProbeSpec? ReadinessProbe { get; init; }

    public ProbeSpec? LivenessProbe { get; init; }

    public HandlerSpec? PostStart { get; init; }

    public HandlerSpec? PreStop { get; init; }

    /// <summary>An init container that keeps running beside the app (restartPolicy: Always).</summary>
    public bool IsNativeSidecar { get; init; }
}
