namespace Pilotfish.Proxy.Clusters;

/// <summary>An endpoint given by name: every address of the name gets the template's other facts.</summary>
internal sealed record NamedEndpoint(string Name, ushort Port, HostConfig Template);
