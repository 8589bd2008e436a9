using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Http1;

/// <summary>Whether a connection that could be kept closes after this response: a drain, or the overload manager.</summary>
internal static class KeepAliveEnd
{
    public static bool IsNow(DownstreamConnection connection, HcmStats stats)
    {
        if (connection.Drain.ShouldClose(connection.Worker.Random, connection.Worker.Loop.NowMilliseconds))
        {
            connection.Worker.Stats.Add(stats.CxDrainClose);
            return true;
        }

        if (connection.Listener.Overload.DisableHttpKeepAlive.Strikes(connection.Worker.Random))
        {
            connection.Worker.Stats.Add(stats.CxOverloadDisableKeepAlive);
            return true;
        }

        return false;
    }
}
