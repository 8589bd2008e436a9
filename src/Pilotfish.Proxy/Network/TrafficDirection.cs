namespace Pilotfish.Proxy.Network;

/// <summary>A listener's traffic_direction.</summary>
public enum TrafficDirection
{
    Unspecified,
    Inbound,
    Outbound,
}
