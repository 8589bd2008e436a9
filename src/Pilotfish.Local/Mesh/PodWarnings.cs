using Pilotfish.Api.Yaml;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Mesh;

/// <summary>Names settings of an app that quietly defeat its sidecar.</summary>
internal static class PodWarnings
{
    private const int ProxyUid = 1337;

    private static readonly int[] s_proxyPorts = [15001, 15006];

    public static IEnumerable<string> Of(PodSpec pod)
    {
        if (pod.AllContainers.All(c => c.Name != PodSpec.SidecarContainer))
        {
            yield break;
        }

        foreach (ContainerSpec container in pod.Containers.Where(c => c.Name != PodSpec.SidecarContainer && !ContainerReader.IsOwnImage(c.Image)))
        {
            if (container.Security.Uid == ProxyUid || container.Security.Gid == ProxyUid)
            {
                yield return new SourceError(
                    container.Position,
                    $"Container '{container.Name}' runs as user or group {ProxyUid}, the sidecar's own: its connections bypass the "
                    + "sidecar. Choose another with securityContext.runAsUser and runAsGroup.").ToString();
            }

            foreach (ContainerPort port in container.Ports.Where(p => s_proxyPorts.Contains(p.Port)))
            {
                yield return new SourceError(
                    container.Position,
                    $"Container '{container.Name}' listens on port {port.Port}, which the sidecar needs; one of the two cannot start. "
                    + "Choose another port.").ToString();
            }
        }
    }
}
