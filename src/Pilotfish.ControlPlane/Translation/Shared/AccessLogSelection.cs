using Istio.Telemetry.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>
/// Which providers log one side of a sidecar, and under which condition. Merges as Istio does: providers named by a narrower object
/// replace those of wider ones; a rule without providers means those of the rule before it; a later rule of the same provider turns it
/// on or off. A condition belongs to the providers that its own rule names; the last rule of this side that names a provider decides.
/// </summary>
internal static class AccessLogSelection
{
    /// <summary>Conditions by provider, sorted by name: an empty text for none, null for a provider that a rule turned off.</summary>
    public static SortedDictionary<string, string?> Of(PushContext push, ProxyView proxy, TrafficClass traffic)
    {
        List<IReadOnlyList<AccessLogging>> scopes = [];
        foreach (var telemetry in push.Telemetries.For(proxy.Node.Namespace, push.Mesh.RootNamespace, proxy.Labels))
        {
            if (telemetry.AccessLogging.Count > 0)
            {
                scopes.Add(telemetry.AccessLogging);
            }
        }

        return Merge(scopes, push.Mesh.DefaultProviders?.AccessLogging ?? [], traffic);
    }

    private static SortedDictionary<string, string?> Merge(
        List<IReadOnlyList<AccessLogging>> scopes, IReadOnlyList<string> defaults, TrafficClass traffic)
    {
        var selected = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        if (scopes.Count == 0)
        {
            foreach (var name in defaults)
            {
                selected[name] = "";
            }

            return selected;
        }

        var conditions = new Dictionary<string, string>(StringComparer.Ordinal);
        var inScope = InScope(scopes, defaults, traffic, conditions);
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
                selected[name] = rule.Disabled == true ? null : conditions.GetValueOrDefault(name, "");
            }
        }

        return selected;
    }

    // The narrowest object that names providers for this side decides which exist at all.
    private static HashSet<string> InScope(
        List<IReadOnlyList<AccessLogging>> scopes, IReadOnlyList<string> defaults, TrafficClass traffic, Dictionary<string, string> conditions)
    {
        HashSet<string> names = [.. defaults];
        foreach (var scope in scopes)
        {
            HashSet<string> own = [];
            foreach (var rule in scope.Where(rule => Matches(rule, traffic)))
            {
                foreach (var provider in rule.Providers)
                {
                    own.Add(provider.Name);
                    conditions[provider.Name] = rule.Filter?.Expression ?? "";
                }
            }

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
