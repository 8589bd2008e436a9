namespace Pilotfish.Proxy.Listeners;

/// <summary>A listener filter that follows ECDS. Connections that come while it has no config are closed.</summary>
internal sealed class EcdsListenerFilter(EcdsExtension<ListenerFilter> extension, ListenerStats stats) : ListenerFilter
{
    public override ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        if (extension.Current is { } filter)
        {
            return filter.InspectAsync(connection);
        }

        connection.Worker.Stats.Add(stats.ConfigMissing);
        return new ValueTask<ListenerFilterVerdict>(ListenerFilterVerdict.Close);
    }
}
