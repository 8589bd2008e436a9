namespace Pilotfish.ControlPlane.Registry;

/// <summary>A port of a service as clients dial it; <see cref="TargetPort"/> says where the pod listens.</summary>
public sealed record ServicePort(string Name, int Number, PortProtocol Protocol, TargetPort TargetPort);
