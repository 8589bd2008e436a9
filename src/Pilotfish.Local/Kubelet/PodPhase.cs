namespace Pilotfish.Local.Kubelet;

/// <summary>Kubernetes' phases, and Terminating, which `kubectl` shows though the API has no such phase.</summary>
internal enum PodPhase
{
    Pending,
    Running,
    Succeeded,
    Failed,
    Terminating,
}
