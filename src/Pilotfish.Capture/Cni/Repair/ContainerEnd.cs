namespace Pilotfish.Capture.Cni.Repair;

/// <summary>One end of a container, as the kubelet reports it.</summary>
internal sealed record ContainerEnd(long ExitCode, string Reason, string Message);
