using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>A finished outbound request whose every fact differs from its neighbours.</summary>
internal static class StreamSample
{
    public static StreamInfo Create()
    {
        ConnectionInfo connection = new()
        {
            LocalAddress = NetAddress.Parse("10.96.0.7:9080"),
            DirectLocalAddress = NetAddress.Parse("127.0.0.1:15001"),
            RemoteAddress = NetAddress.Parse("10.244.0.9:51234"),
            DirectRemoteAddress = NetAddress.Parse("10.244.0.9:51234"),
            RequestedServerName = "outbound_.9080_._.reviews",
        };
        StreamInfo info = new();
        info.Start(connection, new DateTimeOffset(2026, 11, 22, 23, 1, 2, 345, TimeSpan.Zero), 1_000_000);
        info.Protocol = HttpProtocol.Http11;
        info.ResponseCode = 200;
        info.BytesReceived = 7;
        info.BytesSent = 295;
        info.RequestHeaders = Headers(
            (":method", "GET"), (":path", "/reviews/0?x=1&y=2"), (":authority", "reviews:9080"), ("user-agent", "curl/8"),
            ("x-request-id", "11111111-2222-4333-8444-555555555555"), ("x-forwarded-for", "10.1.1.1"));
        info.ResponseHeaders = Headers((":status", "200"), ("x-envoy-upstream-service-time", "12"));
        info.ClusterName = "outbound|9080||reviews.default.svc.cluster.local";
        info.ClusterObservabilityName = "outbound|9080||reviews.default.svc.cluster.local;";
        info.RouteName = "default";
        info.Upstream.HasHost = true;
        info.Upstream.HostAddress = NetAddress.Parse("10.244.0.12:9080");
        info.Upstream.RemoteAddress = NetAddress.Parse("10.244.0.12:9080");
        info.Upstream.LocalAddress = NetAddress.Parse("10.244.0.9:40000");
        info.Upstream.IsConnected = true;
        info.Times.UpstreamReceiveBegin = 11_000_000;
        info.Times.DownstreamSendEnd = 16_900_000;
        info.ResponseCodeDetails = "via_upstream";
        return info;
    }

    public static HeaderMap Headers(params (string Name, string Value)[] headers)
    {
        HeaderMap map = new();
        foreach ((string name, string value) in headers)
        {
            map.Add(Encoding.ASCII.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        return map;
    }
}
