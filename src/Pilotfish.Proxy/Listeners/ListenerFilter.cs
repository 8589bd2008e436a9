namespace Pilotfish.Proxy.Listeners;

/// <summary>A listener filter, compiled: looks at the first bytes or at the socket before a filter chain is chosen.</summary>
public abstract class ListenerFilter
{
    /// <summary>When set, connections to these original destinations skip the filter.</summary>
    internal ListenerFilterPredicate? Disabled { get; set; }

    public abstract ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection);
}
