using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Network;

/// <summary>A filter before the terminal one that follows ECDS. Connections that come while it has no config are closed.</summary>
internal sealed class EcdsNetworkFilter(EcdsExtension<NetworkFilter> extension) : NetworkFilter
{
    public override NetworkFilterSession? NewConnection(DownstreamConnection connection)
    {
        if (extension.Current is { } filter)
        {
            return filter.NewConnection(connection);
        }

        connection.Worker.Stats.Add(connection.Listener.State.Stats.NetworkConfigMissing);
        return new Refusal();
    }

    public override NetworkFilterSession? NewUpstreamConnection(WorkerCluster cluster, Host host) =>
        extension.Current is { } filter ? filter.NewUpstreamConnection(cluster, host) : new Refusal();

    private sealed class Refusal : NetworkFilterSession
    {
        public override ValueTask<EndReason?> OnNewConnectionAsync() => new(NetworkEndReasons.FilterConfigMissing);
    }
}
