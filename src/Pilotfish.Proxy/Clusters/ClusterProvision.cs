namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The sum of what one worker's pools of one cluster provide, kept only where predictive_preconnect_ratio asks for it. Pools tell of each
/// change, so that a request need not look at every host. One loop.
/// </summary>
internal sealed class ClusterProvision(double ratio)
{
    private StreamProvision _sum;

    /// <summary>Above 1.</summary>
    public double Ratio => ratio;

    public bool IsShort => _sum.IsShort(ratio, anticipates: true);

    /// <summary>A pool's numbers of now, in place of what it told before.</summary>
    public void Replace(ref StreamProvision told, in StreamProvision now)
    {
        _sum = _sum - told + now;
        told = now;
    }
}
