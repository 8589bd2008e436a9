using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Pods by namespace, by name and by address.</summary>
public sealed class WorkloadIndex
{
    public static readonly WorkloadIndex Empty = new();

    private readonly Dictionary<(string Namespace, string Key, string Value), List<Workload>> _byLabel = [];
    private readonly Dictionary<string, Workload> _byAddress = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Namespace, string Name), Workload> _byName = [];

    private WorkloadIndex()
    {
    }

    public static WorkloadIndex Build(ConfigSnapshot snapshot)
    {
        var index = new WorkloadIndex();
        foreach (var item in snapshot.OfKind(ConfigKind.Pod))
        {
            index.Add(item.As<Workload>());
        }

        return index;
    }

    /// <summary>Pods of the namespace that carry all labels of a selector that is not empty.</summary>
    public IEnumerable<Workload> Selected(string ns, IReadOnlyDictionary<string, string> selector)
    {
        // Only the pods with the rarest of the labels are looked at.
        List<Workload>? candidates = null;
        foreach (var (key, value) in selector)
        {
            if (!_byLabel.TryGetValue((ns, key, value), out var list))
            {
                return [];
            }

            candidates = candidates is null || list.Count < candidates.Count ? list : candidates;
        }

        return candidates?.Where(workload => Labels.Contain(workload.Labels, selector)) ?? [];
    }

    public Workload? ByAddress(string address) => _byAddress.GetValueOrDefault(address);

    public Workload? ByName(string ns, string name) => _byName.GetValueOrDefault((ns, name));

    private void Add(Workload workload)
    {
        _byName[(workload.Namespace, workload.Name)] = workload;
        if (workload.Finished)
        {
            return;
        }

        foreach (var (key, value) in workload.Labels)
        {
            var label = (workload.Namespace, key, value);
            if (!_byLabel.TryGetValue(label, out var list))
            {
                _byLabel[label] = list = [];
            }

            list.Add(workload);
        }

        // Pods on the host network share the node's address: it identifies none of them.
        if (!workload.HostNetwork)
        {
            foreach (var address in workload.Addresses)
            {
                // An address outlives its pod: while the old one is still being removed, the new one owns it.
                if (!_byAddress.TryGetValue(address, out var other) || other.Terminating || (!workload.Terminating && !other.Ready))
                {
                    _byAddress[address] = workload;
                }
            }
        }
    }
}
