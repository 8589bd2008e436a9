namespace Pilotfish.ControlPlane.Registry;

/// <summary>What the platform says about an endpoint. Only healthy ones are sent unless a service asks for more.</summary>
public enum EndpointHealth
{
    Healthy,
    Unhealthy,
    Terminating,
}
