using Istio.Telemetry.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>
/// Which providers log one side of a sidecar, and under which condition. Merges as Istio does: providers named at a narrower scope
/// replace those of a wider one; a rule without providers means those of the rule before it; a later rule of the same provider
/// replaces or disables the earlier one.
/// </summary>
internal static class AccessLogSelection
{
    /// <summary>Conditions by provider, sorted by name, an empty text for none; null when neither Telemetry nor defaults speak of logs.</summary>
    public static SortedDictionary<string, string>? Of(PushContext push, ProxyView proxy, TrafficClass traffic)
    {
        List<IReadOnlyList<AccessLogging>> scopes = [];
        foreach (var telemetry in push.Telemetries.For(proxy.Node.Namespace, push.Mesh.RootNamespace, proxy.Labels))
        {
            if (telemetry.AccessLogging.Count > 0)
            {
                scopes.Add(telemetry.AccessLogging);
            }
        }

        IReadOnlyList<string> defaults = push.Mesh.DefaultProviders?.AccessLogging ?? [];
        return scopes.Count == 0 && defaults.Count == 0 ? null : Merge(scopes, defaults, traffic);
    }

    private static SortedDictionary<string, string> Merge(
        List<IReadOnlyList<AccessLogging>> scopes, IReadOnlyList<string> defaults, TrafficClass traffic)
    {
        var selected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (scopes.Count == 0)
        {
            foreach (var name in defaults)
            {
                selected[name] = "";
            }

            return selected;
        }

        var inScope = InScope(scopes, defaults);
        var current = defaults;
        foreach (var rule in scopes.SelectMany(static scope => scope))
        {
            current = rule.Providers.Count > 0 ? [.. rule.Providers.Select(static provider => provider.Name)] : current;
            if (!Matches(rule, traffic))
            {
                continue;
            }

            foreach (var name in current.Where(inScope.Contains))
            {
                if (rule.Disabled == true)
                {
                    selected.Remove(name);
                }
                else
                {
                    selected[name] = rule.Filter?.Expression ?? "";
                }
            }
        }

        return selected;
    }

    // The narrowest scope that names providers decides which exist at all.
    private static HashSet<string> InScope(List<IReadOnlyList<AccessLogging>> scopes, IReadOnlyList<string> defaults)
    {
        HashSet<string> names = [.. defaults];
        foreach (var scope in scopes)
        {
            HashSet<string> own = [.. scope.SelectMany(static rule => rule.Providers).Select(static provider => provider.Name)];
            names = own.Count > 0 ? own : names;
        }

        return names;
    }

    private static bool Matches(AccessLogging rule, TrafficClass traffic) => (rule.Match?.Mode ?? WorkloadMode.ClientAndServer) switch
    {
        WorkloadMode.Client => traffic == TrafficClass.Outbound,
        WorkloadMode.Server => traffic == TrafficClass.Inbound,
        _ => true,
    };
}
