namespace Pilotfish.Local.Mesh;

/// <summary>What `up` was asked for.</summary>
internal sealed record MeshOptions(string Directory, IReadOnlyList<PublishedPort> Published);
