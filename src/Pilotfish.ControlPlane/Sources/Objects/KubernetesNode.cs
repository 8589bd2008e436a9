using System.Text.Json.Nodes;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>A node of the cluster.</summary>
/// <param name="KubeletVersion">As the kubelet reports it, for instance v1.33.2-gke.100; empty where it has not yet.</param>
public sealed record KubernetesNode(string KubeletVersion)
{
    internal static KubernetesNode Read(JsonObject root) => new(root.Object("status").Object("nodeInfo").Text("kubeletVersion"));
}
