using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>The request of <see cref="StreamSample"/> with every other fact that an operator may print.</summary>
internal static class FormatFacts
{
    public static StreamInfo Create()
    {
        StreamInfo info = StreamSample.Create();
        SetConnection(info.Connection);
        SetTimesAndBytes(info);
        SetRouting(info);
        info.RequestHeaders = StreamSample.Headers(
            (":method", "GET"), (":path", "/reviews/0?x=1&y=2&e=&flag"), (":authority", "reviews:9080"), ("user-agent", "curl/8"),
            ("x-request-id", "11111111-2222-4333-8444-555555555555"), ("x-envoy-original-path", "/old?q=1"),
            ("x-envoy-original-host", "original.example"), ("x-empty", ""));
        info.ResponseHeaders = StreamSample.Headers((":status", "200"), ("x-envoy-upstream-service-time", "12"), ("server", "istio-envoy"));
        info.ResponseTrailers = StreamSample.Headers(("grpc-status", "7"), ("grpc-message", "not you"));
        info.ResponseCodeDetails = "upstream reset {a b}";
        info.Flags = ResponseFlags.Of(ResponseFlag.UpstreamConnectionFailure).With(ResponseFlag.UpstreamRetryLimitExceeded);
        info.LocalReplyBody = "no healthy upstream";
        info.CustomFlags = "CF1,CF2";
        info.TraceId = "0af7651916cd43dd8448eb211c80319c";
        info.EnsureMetadata().Set("ns", MetadataValue.Of(Struct.Parser.ParseJson(
            """{"text":"value","number":12,"float":1.5,"yes":true,"nested":{"key":"deep","list":[1,"a",null,false]}}""")));
        info.EnsureFilterState().Set("peer", new Named("ratings v1"));
        return info;
    }

    private static void SetConnection(ConnectionInfo connection)
    {
        connection.DirectRemoteAddress = NetAddress.Parse("[2001:db8:aaaa:bbbb::9]:4000");
        connection.HandshakeNanoseconds = 2_500_000;
        connection.TransportFailure = "TLS_error: no peer";
        connection.TerminationDetails = "rbac_access_denied";
        connection.LocalCloseReason = "on_idle_timeout";
        connection.CloseType = DetectedCloseType.RemoteReset;
        connection.FilterChainName = "0.0.0.0_9080";
        connection.ListenerMetadata = Of("listener");
        connection.FilterChainMetadata = Of("chain");
    }

    private static void SetTimesAndBytes(StreamInfo info)
    {
        info.Times.DownstreamReceiveEnd = 3_000_000;
        info.Times.UpstreamRequestBegin = 3_000_000;
        info.Times.UpstreamPoolReady = 7_000_000;
        info.Times.UpstreamConnectBegin = 4_000_000;
        info.Times.UpstreamConnectEnd = 5_500_000;
        info.Times.UpstreamHandshakeEnd = 6_250_000;
        info.Times.UpstreamSendBegin = 7_100_000;
        info.Times.UpstreamSendEnd = 8_000_000;
        info.Times.UpstreamReceiveBodyBegin = 12_000_000;
        info.Times.UpstreamReceiveEnd = 14_000_000;
        info.Times.DownstreamSendBegin = 11_500_000;
        info.Downstream = new ByteMeter
        {
            WireBytesSent = 1001, WireBytesReceived = 1002, HeaderBytesSent = 1003, HeaderBytesReceived = 1004,
            DecompressedHeaderBytesSent = 1005, DecompressedHeaderBytesReceived = 1006,
        };
        info.UpstreamBytes = new ByteMeter
        {
            WireBytesSent = 2001, WireBytesReceived = 2002, HeaderBytesSent = 2003, HeaderBytesReceived = 2004,
            DecompressedHeaderBytesSent = 2005, DecompressedHeaderBytesReceived = 2006,
        };
    }

    private static void SetRouting(StreamInfo info)
    {
        info.VirtualHostName = "reviews:9080";
        info.VirtualClusterName = "other";
        info.RouteMetadata = Of("route");
        info.VirtualHostMetadata = Of("host");
        info.ClusterMetadata = Of("cluster");
        info.Upstream.Endpoint = EndpointMetadata.From(new Envoy.Config.Core.V3.Metadata
        {
            FilterMetadata = { ["ns"] = new Struct { Fields = { ["of"] = Value.ForString("endpoint") } } },
        });
        info.Upstream.Hostname = "reviews.example:9080";
        info.Upstream.ConnectionId = 77;
        info.Upstream.Protocol = HttpProtocol.Http2;
        info.Upstream.TransportFailure = "TLS_error: bad certificate";
        info.Upstream.AttemptCount = 3;
    }

    private static DynamicMetadata Of(string what)
    {
        DynamicMetadata metadata = new();
        metadata.Set("ns", MetadataValue.Of([KeyValuePair.Create("of", MetadataValue.Of(what))]));
        return metadata;
    }

    private sealed record Named(string Name) : IFilterStateObject
    {
        public string? PlainText => Name;

        public ulong? PoolKeyHash => null;
    }
}
