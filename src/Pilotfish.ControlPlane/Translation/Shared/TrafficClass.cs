namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Which side of a sidecar a listener serves.</summary>
internal enum TrafficClass
{
    Inbound,
    Outbound,
}
