namespace Pilotfish.Local.Pods;

/// <summary>A key of a ConfigMap or Secret; for a whole object the key is a prefix for the variables' names.</summary>
internal sealed record KeyReference(string Object, string Key, bool IsOptional);
