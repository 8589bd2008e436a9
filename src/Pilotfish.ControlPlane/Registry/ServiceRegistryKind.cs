namespace Pilotfish.ControlPlane.Registry;

/// <summary>Which kind of object a service came from.</summary>
public enum ServiceRegistryKind
{
    Kubernetes,
    External,
}
