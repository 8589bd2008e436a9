using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Network;

/// <summary>A terminal filter that follows ECDS: each connection stays with the version that it began with.</summary>
internal sealed class EcdsTerminalFilter(EcdsExtension<TerminalNetworkFilter> extension) : TerminalNetworkFilter
{
    public override void Start(DownstreamConnection connection)
    {
        if (extension.Current is { } filter)
        {
            filter.Start(connection);
            return;
        }

        connection.Worker.Stats.Add(connection.Listener.State.Stats.NetworkConfigMissing);
        connection.Stream.Close();
        connection.Finished(NetworkEndReasons.FilterConfigMissing);
    }
}
