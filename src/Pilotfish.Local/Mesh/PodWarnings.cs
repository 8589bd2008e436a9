using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Mesh;

/// <summary>Names settings of an app that quietly defeat its sidecar, before it runs.</summary>
internal static class PodWarnings
{
    public static IEnumerable<string> Of(PodSpec pod)
    {
        if (pod.AllContainers.All(c => c.Name != PodSpec.SidecarContainer))
        {
            yield break;
        }

        foreach (ContainerSpec container in pod.Containers.Where(c => c.Name != PodSpec.SidecarContainer && !ContainerReader.IsOwnImage(c.Image)))
        {
            if (container.Security.Uid == SidecarNeeds.Uid || container.Security.Gid == SidecarNeeds.Uid)
            {
                yield return SidecarNeeds.UserIsTaken(container);
            }

            foreach (ContainerPort port in container.Ports.Where(p => SidecarNeeds.Ports.Contains(p.Port)))
            {
                yield return SidecarNeeds.PortIsTaken(container, port.Port);
            }
        }
    }
}
