using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// DestinationRules by namespace and host. A client looks in its own namespace, then in the service's, then in the root
/// namespace; within each, the most specific host wins.
/// </summary>
public sealed class DestinationRuleIndex
{
    public static readonly DestinationRuleIndex Empty = new(MeshDefaults.RootNamespace);

    private readonly Dictionary<string, Dictionary<string, List<MergedDestinationRule>>> _byNamespace = new(StringComparer.Ordinal);
    private readonly string _rootNamespace;

    private DestinationRuleIndex(string rootNamespace) => _rootNamespace = rootNamespace;

    public static DestinationRuleIndex Build(ConfigSnapshot snapshot, string domainSuffix, string rootNamespace)
    {
        var index = new DestinationRuleIndex(rootNamespace);
        foreach (var item in snapshot.OfKind(ConfigKind.DestinationRule))
        {
            index.Add(item.Meta, item.As<DestinationRule>(), domainSuffix);
        }

        return index;
    }

    /// <summary>The rule for traffic from a client with these labels in <paramref name="clientNamespace"/> to the service, or null.</summary>
    public MergedDestinationRule? Find(
        string clientNamespace, IReadOnlyDictionary<string, string> clientLabels, string hostname, string serviceNamespace)
    {
        if (clientNamespace != _rootNamespace
            && Lookup(clientNamespace, hostname, clientNamespace, clientLabels) is { } own)
        {
            return own;
        }

        if (serviceNamespace.Length > 0 && Lookup(serviceNamespace, hostname, clientNamespace, clientLabels) is { } exported)
        {
            return exported;
        }

        return Lookup(_rootNamespace, hostname, clientNamespace, clientLabels);
    }

    private MergedDestinationRule? Lookup(
        string ns, string hostname, string clientNamespace, IReadOnlyDictionary<string, string> clientLabels)
    {
        if (!_byNamespace.TryGetValue(ns, out var hosts))
        {
            return null;
        }

        if (hosts.TryGetValue(hostname, out var exact) && Choose(exact, ns, clientNamespace, clientLabels) is { } rule)
        {
            return rule;
        }

        // Walk to ever wider wildcards: the first found is the most specific.
        for (var i = 0; i < hostname.Length; i++)
        {
            if (hosts.TryGetValue(string.Concat("*", hostname.AsSpan(i)), out var wild)
                && Choose(wild, ns, clientNamespace, clientLabels) is { } wildRule)
            {
                return wildRule;
            }
        }

        return hosts.TryGetValue("*", out var all) ? Choose(all, ns, clientNamespace, clientLabels) : null;
    }

    private static MergedDestinationRule? Choose(
        List<MergedDestinationRule> candidates, string ns, string clientNamespace, IReadOnlyDictionary<string, string> clientLabels)
    {
        MergedDestinationRule? general = null;
        foreach (var candidate in candidates)
        {
            if (ns != clientNamespace && !candidate.ExportTo.VisibleTo(clientNamespace))
            {
                continue;
            }

            if (candidate.Spec.WorkloadSelector is not { } selector)
            {
                general ??= candidate;
            }
            else if (ns == clientNamespace && Labels.Contain(clientLabels, selector.MatchLabels))
            {
                return candidate;
            }
        }

        return general;
    }

    private void Add(ObjectMeta meta, DestinationRule given, string domainSuffix)
    {
        var host = HostNames.ResolveShort(given.Host, meta.Namespace, domainSuffix);
        if (!_byNamespace.TryGetValue(meta.Namespace, out var hosts))
        {
            _byNamespace[meta.Namespace] = hosts = new(StringComparer.Ordinal);
        }

        if (!hosts.TryGetValue(host, out var list))
        {
            hosts[host] = list = [];
        }

        for (var i = 0; i < list.Count; i++)
        {
            if (SameSelector(list[i].Spec.WorkloadSelector, given.WorkloadSelector))
            {
                list[i] = list[i] with { Spec = Merge(list[i].Spec, given) };
                return;
            }
        }

        list.Add(new MergedDestinationRule(meta, given, ExportScope.Parse(given.ExportTo, meta.Namespace)));
    }

    // Subsets add up, the first of a name stays; the first traffic policy stays.
    private static DestinationRule Merge(DestinationRule first, DestinationRule next)
    {
        var merged = first.Clone();
        foreach (var subset in next.Subsets)
        {
            if (!merged.Subsets.Any(present => present.Name == subset.Name))
            {
                merged.Subsets.Add(subset);
            }
        }

        merged.TrafficPolicy ??= next.TrafficPolicy;
        return merged;
    }

    private static bool SameSelector(Istio.Type.V1Beta1.WorkloadSelector? left, Istio.Type.V1Beta1.WorkloadSelector? right) =>
        left is null || right is null ? left is null && right is null : left.Equals(right);
}
