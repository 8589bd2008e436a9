using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>Chooses a destination of a route that splits traffic.</summary>
internal static class WeightedChoice
{
    public static WeightedClusterModel Pick(ForwardModel forward, HeaderMap headers, ulong random)
    {
        ulong value = random;
        if (forward.WeightHeader is { } name && headers.TryGet(name, out ReadOnlySpan<byte> text)
            && DecimalText.TryParse(text, out ulong number))
        {
            value = number;
        }

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
}
