using Pilotfish.Proxy.Config;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// How many streams a cluster's connections should be ready for, as a multiple of those that exist (preconnect_policy of
/// envoy.config.cluster.v3.Cluster). 1 = connections are opened when requests need them.
/// </summary>
/// <param name="PerUpstreamRatio">per_upstream_preconnect_ratio, 1 to 3: within the pool of each healthy host.</param>
/// <param name="PredictiveRatio">predictive_preconnect_ratio, 1 to 3: over the cluster, at the hosts that are likely next.</param>
public sealed record PreconnectPolicy(double PerUpstreamRatio, double PredictiveRatio)
{
    public const double RatioMin = 1;
    public const double RatioMax = 3;

    /// <summary>
    /// Connections begun ahead of need by one request. At the highest ratio no steady load wants more; a host that comes back to health
    /// would be met by all at once.
    /// </summary>
    public const int AheadPerRequestMax = 3;

    public static PreconnectPolicy None { get; } = new(RatioMin, RatioMin);

    /// <summary>Rejects a ratio that is out of range, by field.</summary>
    internal static PreconnectPolicy Compile(ProtoCluster.Types.PreconnectPolicy? policy)
    {
        if (policy is null)
        {
            return None;
        }

        double perUpstream = Ratio(policy.PerUpstreamPreconnectRatio, "per_upstream_preconnect_ratio");
        double predictive = Ratio(policy.PredictivePreconnectRatio, "predictive_preconnect_ratio");
        return perUpstream == RatioMin && predictive == RatioMin ? None : new PreconnectPolicy(perUpstream, predictive);
    }

    private static double Ratio(double? ratio, string field) => ratio switch
    {
        null => RatioMin,
        >= RatioMin and <= RatioMax => ratio.Value,
        _ => throw new ConfigRejectedException($"preconnect_policy.{field}", FormattableString.Invariant(
            $"{ratio} is not between {RatioMin} and {RatioMax}")),
    };
}
