using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Kubelet;

/// <summary>A container as it is now.</summary>
/// <param name="MountNamespace">The identity by which its processes are found; null while it has none.</param>
internal sealed record RunningContainer(ContainerSpec Spec, ContainerPhase Phase, int ExitCode, string? MountNamespace, string LogFile);
