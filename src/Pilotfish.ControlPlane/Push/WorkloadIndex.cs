using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Pods by namespace, by name and by address.</summary>
public sealed class WorkloadIndex
{
    public static readonly WorkloadIndex Empty = new();

    private readonly Dictionary<string, List<Workload>> _byNamespace = new(StringComparer.Ordinal);
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

    public IReadOnlyList<Workload> InNamespace(string ns) =>
        _byNamespace.TryGetValue(ns, out var list) ? list : [];

    public Workload? ByAddress(string address) => _byAddress.GetValueOrDefault(address);

    public Workload? ByName(string ns, string name) => _byName.GetValueOrDefault((ns, name));

    private void Add(Workload workload)
    {
        _byName[(workload.Namespace, workload.Name)] = workload;
        if (workload.Finished)
        {
            return;
        }

        if (!_byNamespace.TryGetValue(workload.Namespace, out var list))
        {
            _byNamespace[workload.Namespace] = list = [];
        }

        list.Add(workload);

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
