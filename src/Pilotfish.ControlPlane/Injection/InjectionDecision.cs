using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Whether a pod is injected. Namespace labels and revisions have been looked at before: by the selectors of the
/// webhook, or by the caller.</summary>
internal static class InjectionDecision
{
    public const string InjectKey = "sidecar.istio.io/inject";

    /// <summary>Namespaces of the cluster itself, whose pods must start before and without any mesh.</summary>
    private static readonly string[] s_systemNamespaces = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

    /// <param name="warn">Takes sentences for the operator.</param>
    public static bool IsRequired(YamlMapping pod, InjectionConfig config, Action<string>? warn = null)
    {
        // Capture on the host's network would redirect the whole node.
        if (IsOnHostNetwork(pod) || s_systemNamespaces.Contains(pod.TextAt("metadata", "namespace") ?? ""))
        {
            return false;
        }

        // The label is the newer form of the two and wins where both are there.
        var wish = pod.TextAt("metadata", "labels", InjectKey) ?? pod.TextAt("metadata", "annotations", InjectKey) ?? "";
        bool? asked = wish switch
        {
            "true" => true,
            "false" => false,
            _ => null,
        };
        if (asked is null && wish.Length > 0)
        {
            warn?.Invoke($"Invalid value '{wish}' of {InjectKey}: only 'true' and 'false' count. The default policy applies.");
        }

        asked ??= AskSelectors(pod, config);
        return config.Policy switch
        {
            InjectionPolicy.Enabled => asked ?? true,
            InjectionPolicy.Disabled => asked ?? false,
            _ => false,
        };
    }

    public static bool IsOnHostNetwork(YamlMapping pod) => pod.IsTrueAt("spec", "hostNetwork");

    private static bool? AskSelectors(YamlMapping pod, InjectionConfig config)
    {
        var labels = (pod.At("metadata", "labels") as YamlMapping)?.Entries.ToDictionary(
            entry => entry.Key, entry => (entry.Value as YamlScalar)?.Text ?? "", StringComparer.Ordinal) ?? [];
        if (config.NeverInject.Any(selector => selector.Matches(labels)))
        {
            return false;
        }

        return config.AlwaysInject.Any(selector => selector.Matches(labels)) ? true : null;
    }
}
