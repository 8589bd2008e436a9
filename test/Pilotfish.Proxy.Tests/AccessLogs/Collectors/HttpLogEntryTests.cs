using Envoy.Config.Core.V3;
using Envoy.Data.Accesslog.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;
using Xunit;
using AccessLogType = Pilotfish.Proxy.AccessLogs.AccessLogType;
using ResponseFlags = Pilotfish.Proxy.Reasons.ResponseFlags;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>Entries of HTTP requests, read back by the protobuf library.</summary>
public sealed class HttpLogEntryTests
{
    [Fact]
    public void Request_HasEveryFactOfTheStream()
    {
        StreamInfo info = StreamSample.Create();
        info.RequestHeaders = StreamSample.Headers(
            (":method", "PUT"), (":path", "/new"), (":authority", "reviews:9080"), (":scheme", "https"), ("user-agent", "curl/8"),
            ("referer", "http://r/"), ("x-forwarded-for", "10.1.1.1"), ("x-request-id", "id-1"), ("x-envoy-original-path", "/old"));
        info.Downstream = new ByteMeter { WireBytesSent = 1, WireBytesReceived = 2, HeaderBytesSent = 3, HeaderBytesReceived = 4 };
        info.UpstreamBytes = new ByteMeter { WireBytesSent = 5, WireBytesReceived = 6, HeaderBytesSent = 7, HeaderBytesReceived = 8 };
        HTTPAccessLogEntry entry = Read(LogEntrySample.Http(), info);
        Assert.Equal(HTTPAccessLogEntry.Types.HTTPVersion.Http11, entry.ProtocolVersion);
        HTTPRequestProperties request = entry.Request;
        Assert.Equal(RequestMethod.Put, request.RequestMethod);
        Assert.Equal(("https", "reviews:9080", "/new", "/old"), (request.Scheme, request.Authority, request.Path, request.OriginalPath));
        Assert.Equal(("curl/8", "http://r/"), (request.UserAgent, request.Referer));
        Assert.Equal(("10.1.1.1", "id-1"), (request.ForwardedFor, request.RequestId));
        Assert.Equal((ulong)info.RequestHeaders.ByteSize, request.RequestHeadersBytes);
        Assert.Equal((7UL, 7UL, 4UL),
            (request.RequestBodyBytes, request.UpstreamHeaderBytesSent, request.DownstreamHeaderBytesReceived));
        Assert.Null(request.Port);
        HTTPResponseProperties response = entry.Response;
        Assert.Equal((200u, "via_upstream"), (response.ResponseCode, response.ResponseCodeDetails));
        Assert.Equal((ulong)info.ResponseHeaders!.ByteSize, response.ResponseHeadersBytes);
        Assert.Equal((295UL, 8UL, 3UL),
            (response.ResponseBodyBytes, response.UpstreamHeaderBytesReceived, response.DownstreamHeaderBytesSent));
        AccessLogCommon common = entry.CommonProperties;
        Assert.Equal((1UL, 2UL, 5UL, 6UL), (common.DownstreamWireBytesSent, common.DownstreamWireBytesReceived,
            common.UpstreamWireBytesSent, common.UpstreamWireBytesReceived));
    }

    [Fact]
    public void CommonProperties_AreThoseOfTheStream()
    {
        StreamInfo info = StreamSample.Create();
        info.ClientAddress = NetAddress.Parse("192.0.2.7:1");
        info.ConnectionTerminationDetails = "because";
        info.Connection.TransportFailure = "down";
        info.Upstream.TransportFailure = "up";
        info.Upstream.AttemptCount = 3;
        AccessLogCommon common = Read(LogEntrySample.Http(), info).CommonProperties;
        Assert.Equal("192.0.2.7:1", Text(common.DownstreamRemoteAddress));
        Assert.Equal("10.244.0.9:51234", Text(common.DownstreamDirectRemoteAddress));
        Assert.Equal("10.96.0.7:9080", Text(common.DownstreamLocalAddress));
        Assert.Equal("10.244.0.12:9080", Text(common.UpstreamRemoteAddress));
        Assert.Equal("10.244.0.9:40000", Text(common.UpstreamLocalAddress));
        Assert.Equal("outbound|9080||reviews.default.svc.cluster.local", common.UpstreamCluster);
        Assert.Equal(("default", "because"), (common.RouteName, common.ConnectionTerminationDetails));
        Assert.Equal(("down", "up"), (common.DownstreamTransportFailureReason, common.UpstreamTransportFailureReason));
        Assert.Equal((3u, "11111111-2222-4333-8444-555555555555"), (common.UpstreamRequestAttemptCount, common.StreamId));
        Assert.Equal("outbound_.9080_._.reviews", common.TlsProperties.TlsSniHostname);
        Assert.Equal(Envoy.Data.Accesslog.V3.AccessLogType.DownstreamEnd, common.AccessLogType);
        Assert.Null(common.ResponseFlags);
        Assert.Null(common.Metadata);
    }

    [Fact]
    public void Times_CountFromTheFirstByte()
    {
        StreamInfo info = StreamSample.Create();
        long at = info.Times.DownstreamReceiveBegin;
        info.Times.DownstreamReceiveEnd = at + 1;
        info.Times.UpstreamSendBegin = at + 2;
        info.Times.UpstreamSendEnd = at + 3;
        info.Times.UpstreamReceiveBegin = at + 4;
        info.Times.UpstreamReceiveEnd = at + 5;
        info.Times.DownstreamSendBegin = at + 6;
        info.Times.DownstreamSendEnd = at + 2_000_000_007;
        info.End(EndReasons.ViaUpstream);
        AccessLogCommon common = Read(LogEntrySample.Http(), info).CommonProperties;
        Assert.Equal(Timestamp.FromDateTimeOffset(info.StartTime), common.StartTime);
        Assert.Equal([1, 2, 3, 4, 5, 6], new[]
        {
            common.TimeToLastRxByte.Nanos, common.TimeToFirstUpstreamTxByte.Nanos, common.TimeToLastUpstreamTxByte.Nanos,
            common.TimeToFirstUpstreamRxByte.Nanos, common.TimeToLastUpstreamRxByte.Nanos, common.TimeToFirstDownstreamTxByte.Nanos,
        });
        Assert.Equal(new Duration { Seconds = 2, Nanos = 7 }, common.TimeToLastDownstreamTxByte);
        Assert.Equal(new Duration { Seconds = 2, Nanos = 7 }, common.Duration);
        Assert.False(common.IntermediateLogEntry);
    }

    [Fact]
    public void StreamInFlight_IsIntermediate_AndHasNoTimesYet()
    {
        StreamInfo info = StreamSample.Create();
        info.Times = new TimingPoints { DownstreamReceiveBegin = 1 };
        info.Flags = ResponseFlags.Of(ResponseFlag.DelayInjected);
        AccessLogCommon common = LogEntrySample.Read(
            LogEntrySample.Http(), info, AccessLogType.DownstreamPeriodic, HTTPAccessLogEntry.Parser).CommonProperties;
        Assert.True(common.IntermediateLogEntry);
        Assert.Null(common.Duration);
        Assert.Null(common.TimeToLastRxByte);
        Assert.Null(common.TimeToLastDownstreamTxByte);
    }

    public static TheoryData<ResponseFlag> Flags => [.. System.Enum.GetValues<ResponseFlag>()];

    [Theory]
    [MemberData(nameof(Flags))]
    public void ResponseFlag_SetsItsField(ResponseFlag flag)
    {
        StreamInfo info = StreamSample.Create();
        info.Flags = ResponseFlags.Of(flag);
        Envoy.Data.Accesslog.V3.ResponseFlags flags = Read(LogEntrySample.Http(), info).CommonProperties.ResponseFlags;
        Assert.Equal(Expected(flag), flags);
    }

    [Fact]
    public void Metadata_IsWhole()
    {
        StreamInfo info = StreamSample.Create();
        var expected = new Struct
        {
            Fields =
            {
                ["text"] = Value.ForString(""), ["number"] = Value.ForNumber(0), ["flag"] = Value.ForBool(false), ["none"] = Value.ForNull(),
                ["list"] = Value.ForList(Value.ForNumber(1.5), Value.ForString(new string('x', 300))),
                ["map"] = Value.ForStruct(new Struct { Fields = { ["deep"] = Value.ForBool(true) } }),
            },
        };
        info.EnsureMetadata().Set("envoy.filters.http.x", MetadataValue.Of(expected));
        info.EnsureMetadata().Set("other", MetadataValue.Of(new Struct()));
        Metadata metadata = Read(LogEntrySample.Http(), info).CommonProperties.Metadata;
        Assert.Equal(expected, metadata.FilterMetadata["envoy.filters.http.x"]);
        Assert.Equal(new Struct(), metadata.FilterMetadata["other"]);
    }

    [Fact]
    public void FilterState_IsLoggedByName_AsAny()
    {
        StreamInfo info = StreamSample.Create();
        info.EnsureFilterState().Set("upstream_peer", new FilterStateText("peer"));
        info.EnsureFilterState().Set("unasked", new FilterStateText("x"));
        var objects = Read(LogEntrySample.Http(filterState: ["upstream_peer", "downstream_peer"]), info).CommonProperties.FilterStateObjects;
        Assert.Equal("peer", Assert.Single(objects, static entry => entry.Key == "upstream_peer").Value.Unpack<StringValue>().Value);
        Assert.Single(objects);
    }

    [Fact]
    public void AdditionalHeaders_AreJoined_AndAbsentOnesLeftOut()
    {
        StreamInfo info = StreamSample.Create();
        info.RequestHeaders = StreamSample.Headers(("x-a", "1"), ("x-b", "2"), ("x-a", "3"));
        info.ResponseHeaders = StreamSample.Headers(("set-cookie", "a=1"), ("x-empty", ""));
        info.ResponseTrailers = StreamSample.Headers(("grpc-status", "0"));

        // The library leaves the empty value out of its entry, this side does not.
        HTTPAccessLogEntry entry = LogEntrySample.Read(
            LogEntrySample.Http(request: ["X-A", "x-none"], response: ["Set-Cookie", "x-empty"], trailers: ["grpc-status"]),
            info, AccessLogType.DownstreamEnd, HTTPAccessLogEntry.Parser, isShortest: false);
        Assert.Equal("1,3", Assert.Single(entry.Request.RequestHeaders, static header => header.Key == "x-a").Value);
        Assert.Single(entry.Request.RequestHeaders);
        Assert.Equal(("a=1", ""), (entry.Response.ResponseHeaders["set-cookie"], entry.Response.ResponseHeaders["x-empty"]));
        Assert.Equal("0", entry.Response.ResponseTrailers["grpc-status"]);
    }

    [Fact]
    public void BytesThatAreNoUtf8_AreReplaced_SoThatTheMessageStaysReadable()
    {
        StreamInfo info = StreamSample.Create();
        var headers = new Proxy.Http.HeaderMap();
        headers.Add("user-agent"u8, [(byte)'a', 0xFF, 0xC3, 0xA9, 0xE2, 0x82]);
        headers.Add("x-a"u8, [0x80]);
        info.RequestHeaders = headers;
        HTTPAccessLogEntry entry = Read(LogEntrySample.Http(request: ["x-a"]), info);
        Assert.Equal(("a!é!!", "!"), (entry.Request.UserAgent, entry.Request.RequestHeaders["x-a"]));
    }

    [Fact]
    public void StreamWithoutAnything_IsStillAnEntry()
    {
        var info = new StreamInfo();
        info.Start(new ConnectionInfo(), DateTimeOffset.UnixEpoch, 5);
        HTTPAccessLogEntry entry = Read(LogEntrySample.Http(), info);
        Assert.Null(entry.Response.ResponseCode);
        Assert.Null(entry.CommonProperties.UpstreamRemoteAddress);
        Assert.Null(entry.CommonProperties.DownstreamRemoteAddress);
        Assert.Null(entry.CommonProperties.TlsProperties);
        Assert.Equal(HTTPAccessLogEntry.Types.HTTPVersion.ProtocolUnspecified, entry.ProtocolVersion);
    }

    [Fact]
    public void UnixSocket_IsAPipe()
    {
        StreamInfo info = StreamSample.Create();
        info.ClientAddress = NetAddress.Unix("/run/a");
        Assert.Equal("/run/a", Read(LogEntrySample.Http(), info).CommonProperties.DownstreamRemoteAddress.Pipe.Path);
    }

    [Fact]
    public void TcpEntry_HasTheBytesOfItsConnection()
    {
        StreamInfo info = StreamSample.Create();
        info.RequestHeaders = null;
        info.StreamId = Guid.Parse("01234567-89ab-4def-8123-456789abcdef");
        TCPAccessLogEntry entry = LogEntrySample.Read(
            new TcpLogEntryFormat(new CommonLogFields([], [])), info, AccessLogType.TcpPeriodic, TCPAccessLogEntry.Parser);
        Assert.Equal((7UL, 295UL), (entry.ConnectionProperties.ReceivedBytes, entry.ConnectionProperties.SentBytes));
        Assert.Equal(Envoy.Data.Accesslog.V3.AccessLogType.TcpPeriodic, entry.CommonProperties.AccessLogType);
        Assert.True(entry.CommonProperties.IntermediateLogEntry);
        Assert.Equal("01234567-89ab-4def-8123-456789abcdef", entry.CommonProperties.StreamId);
        Assert.Equal("10.244.0.12:9080", Text(entry.CommonProperties.UpstreamRemoteAddress));
    }

    private static HTTPAccessLogEntry Read(HttpLogEntryFormat format, StreamInfo info) =>
        LogEntrySample.Read(format, info, AccessLogType.DownstreamEnd, HTTPAccessLogEntry.Parser);

    private static string Text(Address address) => $"{address.SocketAddress.Address}:{address.SocketAddress.PortValue}";

    private static Envoy.Data.Accesslog.V3.ResponseFlags? Expected(ResponseFlag flag) => flag switch
    {
        ResponseFlag.FailedLocalHealthCheck => new() { FailedLocalHealthcheck = true },
        ResponseFlag.NoHealthyUpstream => new() { NoHealthyUpstream = true },
        ResponseFlag.UpstreamRequestTimeout => new() { UpstreamRequestTimeout = true },
        ResponseFlag.LocalReset => new() { LocalReset = true },
        ResponseFlag.UpstreamRemoteReset => new() { UpstreamRemoteReset = true },
        ResponseFlag.UpstreamConnectionFailure => new() { UpstreamConnectionFailure = true },
        ResponseFlag.UpstreamConnectionTermination => new() { UpstreamConnectionTermination = true },
        ResponseFlag.UpstreamOverflow => new() { UpstreamOverflow = true },
        ResponseFlag.NoRouteFound => new() { NoRouteFound = true },
        ResponseFlag.DelayInjected => new() { DelayInjected = true },
        ResponseFlag.FaultInjected => new() { FaultInjected = true },
        ResponseFlag.RateLimited => new() { RateLimited = true },
        ResponseFlag.UnauthorizedExternalService => new()
        {
            UnauthorizedDetails = new()
            {
                Reason = Envoy.Data.Accesslog.V3.ResponseFlags.Types.Unauthorized.Types.Reason.ExternalService,
            },
        },
        ResponseFlag.RateLimitServiceError => new() { RateLimitServiceError = true },
        ResponseFlag.DownstreamConnectionTermination => new() { DownstreamConnectionTermination = true },
        ResponseFlag.UpstreamRetryLimitExceeded => new() { UpstreamRetryLimitExceeded = true },
        ResponseFlag.StreamIdleTimeout => new() { StreamIdleTimeout = true },
        ResponseFlag.InvalidEnvoyRequestHeaders => new() { InvalidEnvoyRequestHeaders = true },
        ResponseFlag.DownstreamProtocolError => new() { DownstreamProtocolError = true },
        ResponseFlag.UpstreamMaxStreamDurationReached => new() { UpstreamMaxStreamDurationReached = true },
        ResponseFlag.ResponseFromCacheFilter => new() { ResponseFromCacheFilter = true },
        ResponseFlag.NoFilterConfigFound => new() { NoFilterConfigFound = true },
        ResponseFlag.DurationTimeout => new() { DurationTimeout = true },
        ResponseFlag.UpstreamProtocolError => new() { UpstreamProtocolError = true },
        ResponseFlag.NoClusterFound => new() { NoClusterFound = true },
        ResponseFlag.OverloadManagerTerminated => new() { OverloadManager = true },
        ResponseFlag.DnsResolutionFailed => new() { DnsResolutionFailure = true },
        ResponseFlag.DownstreamRemoteReset => new() { DownstreamRemoteReset = true },

        // The message has no field for drop_overload.
        _ => new(),
    };
}
