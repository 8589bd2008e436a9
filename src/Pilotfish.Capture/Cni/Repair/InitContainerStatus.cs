namespace Pilotfish.Capture.Cni.Repair;

/// <summary>How an init container ended: now, where it is not running, and the time before.</summary>
internal sealed record InitContainerStatus(string Name, ContainerEnd? Now, ContainerEnd? Before);
