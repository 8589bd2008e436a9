namespace Pilotfish.Local.Kubelet;

/// <summary>Where a container is: Waiting -> Running -> (BackOff -> Running)* -> Terminated.</summary>
internal enum ContainerPhase
{
    Waiting,
    Running,
    BackOff,
    Terminated,
}
