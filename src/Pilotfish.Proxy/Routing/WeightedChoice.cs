using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>Chooses a destination of a route that splits traffic.</summary>
internal static class WeightedChoice
{
    // As in Envoy a sum beyond 32 bits is no choice.
    private const ulong TotalMax = uint.MaxValue;

    /// <summary>Null when the runtime's weights add up to nothing or too much: then no route serves the request.</summary>
    public static WeightedClusterModel? Pick(ForwardModel forward, HeaderMap headers, StreamInfo info, ulong random)
    {
        ulong value = random;
        if (forward.WeightsUseHashPolicy && forward.Hash?.Compute(headers, info, out _) is { } hash)
        {
            value = hash;
        }
        else if (forward.WeightHeader is { } name && headers.FindSlot(name) is >= 0 and int slot && headers.FindSlot(name, slot + 1) < 0
            && DecimalText.TryParse(headers.At(slot).Value, out ulong number))
        {
            // One that stands there twice says nothing, as in Envoy.
            value = number;
        }

        return forward.HasLiveWeights ? PickLive(forward.WeightedClusters, value) : PickFixed(forward, value);
    }

    private static WeightedClusterModel PickFixed(ForwardModel forward, ulong value)
    {
        ulong point = value % forward.TotalWeight;
        foreach (WeightedClusterModel cluster in forward.WeightedClusters)
        {
            if (point < cluster.Weight)
            {
                return cluster;
            }

            point -= cluster.Weight;
        }

        return forward.WeightedClusters[^1];
    }

    private static WeightedClusterModel? PickLive(WeightedClusterModel[] clusters, ulong value)
    {
        ulong total = 0;
        foreach (WeightedClusterModel cluster in clusters)
        {
            ulong weight = cluster.CurrentWeight;
            if (weight > TotalMax - total)
            {
                return null;
            }

            total += weight;
        }

        ulong point = total == 0 ? 0 : value % total;
        foreach (WeightedClusterModel cluster in clusters)
        {
            ulong weight = cluster.CurrentWeight;
            if (point < weight)
            {
                return cluster;
            }

            point -= weight;
        }

        // Nothing has weight, or the main loop changed a value between the two passes: the last that has any serves.
        return total == 0 ? null : Array.FindLast(clusters, static cluster => cluster.CurrentWeight > 0);
    }
}
