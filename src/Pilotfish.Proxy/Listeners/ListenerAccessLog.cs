using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Listeners;

/// <summary>The listener's own access log: one record per connection at its end.</summary>
internal static class ListenerAccessLog
{
    public static void Write(DownstreamConnection connection, EndReason reason)
    {
        _ = connection;
        _ = reason;
    }
}
