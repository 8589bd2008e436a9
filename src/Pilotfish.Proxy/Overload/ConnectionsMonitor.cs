using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Overload;

/// <summary>global_downstream_max_connections: the count itself is kept exactly at each accept; this only reports it.</summary>
internal sealed class ConnectionsMonitor(ConnectionLimit limit, long max) : ResourceMonitor
{
    public override double? ReadPressure() => (double)limit.Active / max;
}
