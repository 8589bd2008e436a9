using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tcp;

namespace Pilotfish.Proxy.Filters.SniCluster;

/// <summary>Leaves the server name as the cluster of the connection, which filters behind it may change; bytes pass untouched.</summary>
internal sealed class SniClusterFilter : NetworkFilter
{
    public override NetworkFilterSession? NewConnection(DownstreamConnection connection)
    {
        if (connection.Info.RequestedServerName is { Length: > 0 } name)
        {
            connection.Info.EnsureFilterState().Set(TcpProxy.ClusterKey, new FilterStateText(name));
        }

        return null;
    }
}
