using Pilotfish.Api.Names;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>Whether a known pod is to be captured; the first reason against it wins. The order is Istio's.</summary>
internal static class PodDecision
{
    private const string DisableEnvoy = "DISABLE_ENVOY";
    private const string SidecarType = "sidecar";

    /// <summary>Null: capture it. Else why not.</summary>
    public static string? WhyNot(PodFacts pod)
    {
        if (pod.Containers.Contains(PodFacts.InitContainer))
        {
            return $"its own '{PodFacts.InitContainer}' sets the rules";
        }

        if (GoBool.Parse(pod.ProxyEnvironment.GetValueOrDefault(DisableEnvoy)) == true)
        {
            return $"'{PodFacts.ProxyContainer}' has {DisableEnvoy}";
        }

        if (!pod.Containers.Contains(PodFacts.ProxyContainer))
        {
            return $"it has no container '{PodFacts.ProxyContainer}'";
        }

        if (pod.ProxyType is not ("" or SidecarType))
        {
            return $"its proxy is a '{pod.ProxyType}', no sidecar";
        }

        // The label is the newer form and wins over the annotation.
        string? inject = pod.Labels.GetValueOrDefault(IstioLabels.SidecarInject)
            ?? pod.Annotations.GetValueOrDefault(IstioAnnotations.SidecarInject);
        if (GoBool.Parse(inject) == false)
        {
            return $"'{IstioLabels.SidecarInject}' says '{inject}'";
        }

        return pod.Annotations.ContainsKey(IstioAnnotations.SidecarStatus)
            ? null
            : $"it has no annotation '{IstioAnnotations.SidecarStatus}', so nothing was injected";
    }
}
