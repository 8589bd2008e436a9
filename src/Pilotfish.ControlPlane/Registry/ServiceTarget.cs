namespace Pilotfish.ControlPlane.Registry;

/// <summary>A port on which a proxy's own workload serves a service.</summary>
public sealed record ServiceTarget(MeshService Service, ServicePort Port, int TargetPort);
