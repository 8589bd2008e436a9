using Istio.Telemetry.V1Alpha1;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Telemetry objects by namespace, and which of them hold for a workload. Immutable.</summary>
public sealed class TelemetryIndex
{
    public static readonly TelemetryIndex Empty = new(new Dictionary<string, List<Telemetry>>());

    private readonly IReadOnlyDictionary<string, List<Telemetry>> _byNamespace;

    private TelemetryIndex(IReadOnlyDictionary<string, List<Telemetry>> byNamespace) => _byNamespace = byNamespace;

    public static TelemetryIndex Build(ConfigSnapshot snapshot)
    {
        var byNamespace = new Dictionary<string, List<Telemetry>>(StringComparer.Ordinal);
        foreach (var item in snapshot.OfKind(ConfigKind.Telemetry))
        {
            if (!byNamespace.TryGetValue(item.Meta.Namespace, out var list))
            {
                byNamespace.Add(item.Meta.Namespace, list = []);
            }

            list.Add(item.As<Telemetry>());
        }

        return new TelemetryIndex(byNamespace);
    }

    /// <summary>
    /// The objects that hold for a sidecar, from the widest to the narrowest: the mesh's (root namespace) and the namespace's, the oldest
    /// of each; then every one that selects the workload, oldest first. An object with targetRefs speaks of gateways and waypoints, never
    /// of a sidecar.
    /// </summary>
    public IReadOnlyList<Telemetry> For(string ns, string rootNamespace, IReadOnlyDictionary<string, string> labels)
    {
        List<Telemetry> found = [];
        Add(found, rootNamespace, IsWide);
        if (ns != rootNamespace)
        {
            Add(found, ns, IsWide);
        }

        if (_byNamespace.TryGetValue(ns, out var list))
        {
            found.AddRange(list.Where(telemetry => !IsWide(telemetry) && !HasTargets(telemetry)
                && Labels.Contain(labels, telemetry.Selector.MatchLabels)));
        }

        return found;
    }

    private void Add(List<Telemetry> found, string ns, Predicate<Telemetry> wanted)
    {
        if (_byNamespace.TryGetValue(ns, out var list) && list.Find(wanted) is { } oldest)
        {
            found.Add(oldest);
        }
    }

    private static bool IsWide(Telemetry telemetry) =>
        !HasTargets(telemetry) && (telemetry.Selector is null || telemetry.Selector.MatchLabels.Count == 0);

    private static bool HasTargets(Telemetry telemetry) => telemetry.TargetRef is not null || telemetry.TargetRefs.Count > 0;
}
