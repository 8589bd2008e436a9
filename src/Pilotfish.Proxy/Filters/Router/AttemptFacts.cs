using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Notes about one attempt for the access log.</summary>
internal static class AttemptFacts
{
    public static void Picked(StreamInfo info, Host host)
    {
        info.Upstream.HasHost = true;
        info.Upstream.HostAddress = host.Address;
        info.Upstream.Hostname = host.Hostname;
        info.Upstream.Endpoint = host.Config.Metadata;
    }

    public static void Connected(StreamInfo info, UpstreamAttempt attempt)
    {
        UpstreamConnection connection = attempt.Connection!;
        info.Times.UpstreamPoolReady = attempt.Ready;
        info.Times.UpstreamConnectBegin = connection.Times.Begin;
        info.Times.UpstreamConnectEnd = connection.Times.ConnectEnd;
        info.Times.UpstreamHandshakeEnd = connection.Times.HandshakeEnd;
        info.Times.UpstreamSendBegin = attempt.Ready;
        info.Upstream.IsConnected = true;
        info.Upstream.ConnectionId = connection.Id;
        info.Upstream.LocalAddress = connection.Stream.LocalAddress;
        info.Upstream.RemoteAddress = connection.Stream.RemoteAddress;
        info.Upstream.Protocol = attempt.Protocol;
        info.Upstream.Tls = connection.Stream.Tls;
    }

    /// <summary>The attempt that answered may not be the latest one of a hedged request, whose facts are those at hand.</summary>
    public static void Restore(StreamInfo info, UpstreamAttempt winner)
    {
        Picked(info, winner.Host!);
        info.Times.UpstreamRequestBegin = winner.Begin;
        Connected(info, winner);

        // Only a request that had come to its end is hedged: all of it went out at once.
        info.Times.UpstreamSendEnd = winner.Ready;
    }
}
