using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Pods;

/// <summary>What a sidecar must have for itself in its pod, and the sentences for an app that takes it.</summary>
internal static class SidecarNeeds
{
    /// <summary>User and group, by which packet capture knows the sidecar's own connections.</summary>
    public const int Uid = 1337;
    public const string UidText = "1337";

    /// <summary>Where captured connections go, out and in.</summary>
    public static IReadOnlyList<int> Ports { get; } = [15001, 15006];

    public static string UserIsTaken(ContainerSpec container) => new SourceError(
        container.Position,
        $"Container '{container.Name}' runs as user or group {Uid}, the sidecar's own: its connections bypass the "
        + "sidecar. Choose another with securityContext.runAsUser and runAsGroup.").ToString();

    public static string PortIsTaken(ContainerSpec container, int port) => new SourceError(
        container.Position,
        $"Container '{container.Name}' listens on port {port}, which the sidecar needs; one of the two cannot start. "
        + "Choose another port.").ToString();
}
