namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>An Endpoints or EndpointSlice object, reduced to what both can say.</summary>
internal sealed record EndpointSet(string ServiceName, IReadOnlyList<EndpointSet.Address> Addresses, IReadOnlyList<EndpointSet.Port> Ports)
{
    internal sealed record Address(string Ip, bool Ready, bool Terminating, string PodName, string NodeName, string HostName);

    internal sealed record Port(string Name, int Number);
}
