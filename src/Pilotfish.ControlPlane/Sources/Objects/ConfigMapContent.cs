using Istio.Mesh.V1Alpha1;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>A ConfigMap's texts; for the one that holds the mesh configuration, that too.</summary>
public sealed record ConfigMapContent(IReadOnlyDictionary<string, string> Data, MeshConfig? Mesh);
