using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Adds the sidecar to pods and to workloads that make pods. Immutable: any thread may use one.</summary>
public sealed class Injector(InjectionSettings settings)
{
    /// <summary>Whether a document is of a kind that injection knows. Others are nobody's business here.</summary>
    public static bool IsWorkload(YamlMapping document) => WorkloadTemplate.IsWorkload(document);

    /// <summary>Injects as a cluster would: only where the namespace or the pod asks for it.</summary>
    /// <param name="document">A workload; it is not changed.</param>
    /// <param name="namespaceLabels">Labels of the namespace that the workload is in.</param>
    /// <returns>The injected workload, or the very document where nothing is to be injected.</returns>
    /// <exception cref="InjectionException">The workload cannot be injected as it is written.</exception>
    public YamlMapping InjectIfSelected(
        YamlMapping document, IReadOnlyDictionary<string, string> namespaceLabels, Action<string>? warn = null)
    {
        if (!IsWorkload(document))
        {
            return document;
        }

        var labels = WorkloadTemplate.Of(document).Pod.At("metadata", "labels") as YamlMapping;
        var podLabels = (labels?.Entries ?? []).ToDictionary(
            entry => entry.Key, entry => (entry.Value as YamlScalar)?.Text ?? "", StringComparer.Ordinal);
        return NamespaceSelection.Selects(namespaceLabels, podLabels, settings.Revision) ? Inject(document, warn) : document;
    }

    /// <summary>Injects unless the pod refuses or cannot have a sidecar; says so where it does not.</summary>
    /// <param name="document">A workload; it is not changed.</param>
    /// <param name="namespaceAnnotations">Annotations of the namespace: on OpenShift they say which ids its pods may use.</param>
    /// <returns>The injected workload, or the very document where nothing is to be injected.</returns>
    /// <exception cref="InjectionException">The workload cannot be injected as it is written.</exception>
    public YamlMapping Inject(YamlMapping document, Action<string>? warn = null, YamlMapping? namespaceAnnotations = null)
    {
        var copy = (YamlMapping)document.Clone();
        var template = WorkloadTemplate.Of(copy);
        var pod = template.Pod;
        if (InjectionDecision.IsOnHostNetwork(pod))
        {
            warn?.Invoke(SkipSentence(template, pod, "has host networking enabled"));
            return document;
        }

        if (!InjectionDecision.IsRequired(pod, settings.Config, warn))
        {
            warn?.Invoke(SkipSentence(template, pod, "has sidecar injection disabled"));
            return document;
        }

        var subject = new InjectionSubject { Pod = pod, Owner = template.Owner, NamespaceAnnotations = namespaceAnnotations };
        template.Replace(PodInjection.Run(settings, subject));
        return copy;
    }

    /// <summary>The sentence that Istio's tool prints; scripts look for it.</summary>
    private static string SkipSentence(WorkloadTemplate template, YamlMapping pod, string reason)
    {
        var owner = template.Owner;
        var name = pod.TextAt("metadata", "name") ?? owner.Name;
        var fullName = owner.Namespace.Length > 0 ? $"{owner.Namespace}/{name}" : name;
        return $"===> Skipping injection because {owner.Kind} \"{fullName}\" {reason}";
    }
}
