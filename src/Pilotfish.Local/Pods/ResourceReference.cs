namespace Pilotfish.Local.Pods;

/// <summary>A resourceFieldRef: "limits.cpu" of a container, divided.</summary>
internal sealed record ResourceReference(string? Container, string Resource, string Divisor);
