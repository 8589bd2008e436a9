using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>The order of containers, which is the order in which they start.</summary>
internal static class ContainerOrder
{
    /// <param name="holdsApplications">The proxy must be up before any application starts.</param>
    public static void Apply(YamlMapping pod, bool holdsApplications)
    {
        if (holdsApplications)
        {
            PodContainers.MoveFirst(pod, PodContainers.App, ContainerNames.Proxy);
        }
        else
        {
            // kubectl exec and logs take the first container, which should be the user's.
            PodContainers.MoveLast(pod, PodContainers.App, ContainerNames.Proxy);
        }

        if (pod.Mapping("spec").FindNamed(PodContainers.Init, ContainerNames.Proxy) is not null)
        {
            // A native sidecar runs before the user's init containers, which are then part of the mesh.
            PodContainers.MoveFirst(pod, PodContainers.Init, ContainerNames.EnableCoreDump);
            PodContainers.MoveFirst(pod, PodContainers.Init, ContainerNames.Proxy);
            PodContainers.MoveFirst(pod, PodContainers.Init, ContainerNames.Validation);
            PodContainers.MoveFirst(pod, PodContainers.Init, ContainerNames.Init);
            return;
        }

        // A missing rule must stop the pod before anything else runs, while rules that are there would cut off the user's
        // init containers, as no proxy runs yet: so the check comes first and the set-up last.
        PodContainers.MoveFirst(pod, PodContainers.Init, ContainerNames.Validation);
        PodContainers.MoveLast(pod, PodContainers.Init, ContainerNames.Init);
        PodContainers.MoveLast(pod, PodContainers.Init, ContainerNames.EnableCoreDump);
    }
}
