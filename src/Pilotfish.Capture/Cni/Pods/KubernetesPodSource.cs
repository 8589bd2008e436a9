using System.Text.Json;
using Pilotfish.Api.Failures;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>Asks the Kubernetes API for one pod.</summary>
internal sealed class KubernetesPodSource(string kubeconfigPath) : IPodSource
{
    private readonly KubernetesApi _api = new(kubeconfigPath);

    public PodFacts Get(string ns, string name)
    {
        string path = $"/api/v1/namespaces/{Uri.EscapeDataString(ns)}/pods/{Uri.EscapeDataString(name)}";
        byte[] body = _api.Send(HttpMethod.Get, path, null, $"pod '{ns}/{name}'");
        try
        {
            return PodJson.Parse(body);
        }
        catch (JsonException e)
        {
            throw new PodLookupException($"The Kubernetes API gave something else than a pod for '{ns}/{name}': {FailureText.Of(e)}.", e);
        }
    }
}
