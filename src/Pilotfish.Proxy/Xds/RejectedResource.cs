namespace Pilotfish.Proxy.Xds;

/// <summary>A resource that was not applied, and one sentence that names the field at fault. It becomes a line of a NACK.</summary>
public readonly record struct RejectedResource(string Name, string Reason);
