using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>The mutating webhook: a pure function from a review with a pod to a review with a patch.</summary>
/// <param name="settings">Gives the settings of the moment; they change while the control plane runs.</param>
/// <param name="namespaceAnnotations">Annotations of a namespace by its name, or null where they are not known. They matter
/// on OpenShift only.</param>
/// <param name="nativeSidecars">Whether the sidecar on the node of that name (or, if empty, on any) is a native one; null: as the
/// settings say.</param>
public sealed class InjectionWebhook(
    Func<InjectionSettings> settings,
    Func<string, YamlMapping?>? namespaceAnnotations = null,
    Func<string, bool>? nativeSidecars = null)
{
    /// <summary>Answers a review. Every failure is an answer, so that the API server can show its reason.</summary>
    /// <param name="body">The request's JSON.</param>
    /// <param name="path">The path of the request's URL, which may carry variables for the sidecar.</param>
    public string Answer(ReadOnlySpan<byte> body, string path)
    {
        var (review, error) = AdmissionReview.Parse(body);
        if (error is not null)
        {
            return review.Refuse(error);
        }

        if (review.Request!.Mapping("object") is not { } pod)
        {
            return review.Refuse("could not decode the request's object: expected a pod");
        }

        try
        {
            return Inject(review, pod, path);
        }
        catch (InjectionException e)
        {
            return review.Refuse(e.Message);
        }
    }

    private string Inject(AdmissionReview review, YamlMapping pod, string path)
    {
        var now = settings();
        if (nativeSidecars is not null)
        {
            now = now with { NativeSidecars = nativeSidecars(pod.TextAt("spec", "nodeName") ?? "") };
        }

        // The API server keeps the book of managed fields itself, and it can be larger than the pod.
        pod.Mapping("metadata")?.Remove("managedFields");
        if (string.IsNullOrEmpty(pod.TextAt("metadata", "namespace")) && review.Request!.Text("namespace") is { Length: > 0 } space)
        {
            // Pods of controllers come without their namespace. Both sides of the patch get it, so it is not in the patch.
            pod.Ensure("metadata").Set("namespace", space);
        }

        var warnings = new List<string>();
        if (!InjectionDecision.IsRequired(pod, now.Config, warnings.Add))
        {
            return review.Allow(warnings: warnings);
        }

        var injected = PodInjection.Run(now, new InjectionSubject
        {
            Pod = pod,
            Owner = WorkloadOwner.OfPod(pod),
            NamespaceAnnotations = namespaceAnnotations?.Invoke(pod.TextAt("metadata", "namespace") ?? ""),
            ProxyEnvironment = InjectPath.Parse(path),
        });
        return review.Allow(JsonPatch.Create(pod, injected), warnings);
    }
}
