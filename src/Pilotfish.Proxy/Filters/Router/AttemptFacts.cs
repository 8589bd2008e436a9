using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
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
    }

    public static void Connected(StreamInfo info, IUpstreamStream stream, long nowNanoseconds)
    {
        UpstreamConnection connection = stream.Connection;
        info.Times.UpstreamPoolReady = nowNanoseconds;
        info.Times.UpstreamConnectBegin = connection.Times.Begin;
        info.Times.UpstreamConnectEnd = connection.Times.ConnectEnd;
        info.Times.UpstreamHandshakeEnd = connection.Times.HandshakeEnd;
        info.Times.UpstreamSendBegin = nowNanoseconds;
        info.Upstream.IsConnected = true;
        info.Upstream.ConnectionId = connection.Id;
        info.Upstream.LocalAddress = connection.Stream.LocalAddress;
        info.Upstream.RemoteAddress = connection.Stream.RemoteAddress;
        info.Upstream.Protocol = stream.Protocol;
        info.Upstream.Tls = connection.Stream.Tls;
    }
}
