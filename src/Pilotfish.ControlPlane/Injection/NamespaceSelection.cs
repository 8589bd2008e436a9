namespace Pilotfish.ControlPlane.Injection;

/// <summary>Which pods reach the injector at all: the selectors of Istio's mutating webhooks as one function.</summary>
public static class NamespaceSelection
{
    private const string InjectionLabel = "istio-injection";
    private const string RevisionLabel = "istio.io/rev";
    private const string DefaultRevision = "default";

    /// <param name="namespaceLabels">Labels of the pod's namespace.</param>
    /// <param name="podLabels">Labels of the pod itself.</param>
    /// <param name="revision">The revision of this control plane; empty for the default one.</param>
    public static bool Selects(
        IReadOnlyDictionary<string, string> namespaceLabels, IReadOnlyDictionary<string, string> podLabels, string revision = "")
    {
        var own = revision.Length == 0 ? DefaultRevision : revision;
        var isDefault = own == DefaultRevision;
        var wish = podLabels.GetValueOrDefault(InjectionDecision.InjectKey);
        var podRevision = podLabels.GetValueOrDefault(RevisionLabel);
        if (namespaceLabels.TryGetValue(InjectionLabel, out var enabled))
        {
            // The older label wins over a revision and belongs to the default control plane.
            return isDefault && enabled == "enabled" && wish != "false";
        }

        if (namespaceLabels.TryGetValue(RevisionLabel, out var namespaceRevision))
        {
            return namespaceRevision == own && wish != "false";
        }

        return podRevision is null ? isDefault && wish == "true" : podRevision == own && wish != "false";
    }
}
