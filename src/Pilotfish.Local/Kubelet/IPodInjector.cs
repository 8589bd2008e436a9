using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Kubelet;

/// <summary>Adds the sidecar to a workload where the rules of injection ask for it.</summary>
internal interface IPodInjector
{
    /// <summary>
    /// Takes a Pod as the API server would see it created (with its owner's name) and hands back the pod to run; the
    /// argument is left as it is.
    /// </summary>
    YamlMapping Inject(YamlMapping pod, ManifestSet manifests);
}
