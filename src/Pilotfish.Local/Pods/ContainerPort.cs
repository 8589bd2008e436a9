namespace Pilotfish.Local.Pods;

/// <summary>A declared port; probes and services may name it.</summary>
internal sealed record ContainerPort(string? Name, int Port);
