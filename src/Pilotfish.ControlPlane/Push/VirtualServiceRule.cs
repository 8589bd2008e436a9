using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Push;

/// <summary>A VirtualService with its short names completed and delegates merged in.</summary>
public sealed record VirtualServiceRule(ObjectMeta Meta, VirtualService Spec, ExportScope ExportTo)
{
    public const string MeshGateway = "mesh";

    /// <summary>True when the rule steers sidecars: it names the mesh gateway or no gateway at all.</summary>
    public bool AppliesToMesh => Spec.Gateways.Count == 0 || Spec.Gateways.Contains(MeshGateway);
}
