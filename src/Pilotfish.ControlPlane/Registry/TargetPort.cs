namespace Pilotfish.ControlPlane.Registry;

/// <summary>Where a pod listens for a service port: a number, or the name of one of its container ports.</summary>
public readonly record struct TargetPort(int Number, string? ContainerPortName)
{
    /// <summary>Resolves to a port number by the pod's named ports; false when the pod has no such port.</summary>
    public bool TryResolve(IReadOnlyDictionary<string, int> containerPorts, out int number)
    {
        if (ContainerPortName is null)
        {
            number = Number;
            return true;
        }

        return containerPorts.TryGetValue(ContainerPortName, out number);
    }
}
