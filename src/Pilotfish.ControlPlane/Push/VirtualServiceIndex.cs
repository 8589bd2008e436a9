using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Push;

/// <summary>VirtualServices that steer sidecars, in the order in which they win.</summary>
public sealed class VirtualServiceIndex
{
    public static readonly VirtualServiceIndex Empty = new([]);

    private VirtualServiceIndex(List<VirtualServiceRule> rules) => All = rules;

    public IReadOnlyList<VirtualServiceRule> All { get; }

    public static VirtualServiceIndex Build(ConfigSnapshot snapshot, string domainSuffix)
    {
        var rules = new List<VirtualServiceRule>();
        var delegates = new Dictionary<(string Namespace, string Name), VirtualServiceRule>();
        foreach (var item in snapshot.OfKind(ConfigKind.VirtualService))
        {
            var spec = VirtualServiceShortNames.Resolve(item.As<VirtualService>(), item.Meta, domainSuffix);
            var rule = new VirtualServiceRule(item.Meta, spec, ExportScope.Parse(spec.ExportTo, item.Meta.Namespace));
            if (spec.Hosts.Count == 0)
            {
                delegates[(item.Meta.Namespace, item.Meta.Name)] = rule;
            }
            else if (rule.AppliesToMesh)
            {
                rules.Add(rule);
            }
        }

        for (var i = 0; i < rules.Count; i++)
        {
            rules[i] = rules[i] with { Spec = VirtualServiceDelegates.Merge(rules[i].Spec, rules[i].Meta, delegates) };
        }

        return new VirtualServiceIndex(rules);
    }

    /// <summary>The rules a namespace sees: private ones first, then those exported to it by name, then public ones.</summary>
    public List<VirtualServiceRule> VisibleTo(string ns)
    {
        var visible = new List<VirtualServiceRule>(All.Count);
        foreach (var rule in All)
        {
            if (rule.ExportTo.IsPrivateTo(ns) && rule.Meta.Namespace == ns)
            {
                visible.Add(rule);
            }
        }

        foreach (var rule in All)
        {
            if (!rule.ExportTo.IsPublic && rule.ExportTo.VisibleTo(ns) && !visible.Contains(rule))
            {
                visible.Add(rule);
            }
        }

        foreach (var rule in All)
        {
            if (rule.ExportTo.IsPublic)
            {
                visible.Add(rule);
            }
        }

        return visible;
    }
}
