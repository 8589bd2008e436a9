using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// The listener's own access log: one record per connection at its end. Istio attaches it with a filter that lets only
/// connections without a filter chain pass.
/// </summary>
internal static class ListenerAccessLog
{
    public static void Write(DownstreamConnection connection, EndReason reason) =>
        Write(connection.Listener, connection.Info, reason, connection.Worker);

    public static void Write(ListenerModel listener, ConnectionInfo connection, EndReason reason, Worker worker)
    {
        if (listener.AccessLogs.IsEmpty)
        {
            return;
        }

        var info = new StreamInfo();
        info.Start(connection, connection.StartTime, connection.StartNanoseconds);
        info.Times.DownstreamReceiveEnd = info.Times.DownstreamSendEnd = worker.Loop.NowNanoseconds;
        info.End(reason);
        listener.AccessLogs.Write(worker, info, AccessLogType.NotSet);
    }
}
