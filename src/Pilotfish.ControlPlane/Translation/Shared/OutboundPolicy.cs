using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Whether traffic to undeclared hosts may leave.</summary>
internal static class OutboundPolicy
{
    public static bool AllowsAny(PushContext push) =>
        push.Mesh.OutboundTrafficPolicy?.Mode != MeshConfig.Types.OutboundTrafficPolicy.Types.Mode.RegistryOnly;

    public static string Cluster(PushContext push) => AllowsAny(push) ? ClusterNames.Passthrough : ClusterNames.BlackHole;
}
