using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Settings by the part of the message that they were compiled from, so that clusters which differ in their names share them. Main loop.</summary>
internal sealed class ClusterSettingsTable
{
    // A mesh has a handful of kinds. One that has more than this begins again, which costs sharing and nothing else.
    private const int EntriesMax = 256;

    private readonly Dictionary<ProtoCluster, ClusterSettings> _known = [];

    public int Count => _known.Count;

    /// <summary>Settings for a cluster; <paramref name="compile"/> makes them, and tells whether others may have them too.</summary>
    public ClusterSettings Get(ProtoCluster cluster, Func<ProtoCluster, (ClusterSettings Settings, bool MayShare)> compile)
    {
        ProtoCluster key = WithoutItsOwn(cluster);
        if (_known.TryGetValue(key, out ClusterSettings? settings))
        {
            return settings;
        }

        (settings, bool mayShare) = compile(cluster);
        if (mayShare)
        {
            if (_known.Count >= EntriesMax)
            {
                _known.Clear();
            }

            _known.Add(key, settings);
        }

        return settings;
    }

    /// <summary>The message without what <see cref="ClusterModel"/> keeps for each cluster: none of it may matter to the settings.</summary>
    private static ProtoCluster WithoutItsOwn(ProtoCluster cluster)
    {
        ProtoCluster key = cluster.Clone();
        key.Name = "";
        key.AltStatName = "";
        if (key.EdsClusterConfig is { } eds)
        {
            eds.ServiceName = "";
        }

        key.LoadAssignment = null;
        key.Metadata = null;
        key.TransportSocket = null;
        key.TransportSocketMatches.Clear();
        key.Filters.Clear();
        return key;
    }
}
