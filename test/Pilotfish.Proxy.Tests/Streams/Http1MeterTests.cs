using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Data.Accesslog.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Streams;

/// <summary>What HTTP/1 requests and responses weigh, on either side: every byte that the peers saw, and the fields of heads.</summary>
public sealed class Http1MeterTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok";

    // content-length: 2 and x-a: 1, each with colon and line end but without the blank.
    private const int OkFields = 14 + 1 + 3 + 3 + 1 + 3;

    [Fact]
    public void Exchange_WithBodies_CountsEveryByteOfBothSides() => Run(async bench =>
    {
        const string Request = "POST /p HTTP/1.1\r\nHost: a\r\nX-Long:   v  \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        await bench.Client.SendAsync(Request);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        string body = await server.ReadUntilAsync("0\r\n\r\n");
        await server.SendAsync(Ok);
        string response = await bench.Client.ReadUntilAsync("\r\n\r\nok");
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        MeterRecords.Equal(Same(Request.Length, 8 + 10 + 27, response.Length, MeterRecords.FieldBytes(response[..^2])), downstream);
        MeterRecords.Equal(Same(Ok.Length, OkFields, head.Length + body.Length, MeterRecords.FieldBytes(head)), upstream);
    });

    [Theory]
    [InlineData("at once")]
    [InlineData("byte by byte")]
    public void Exchange_WithTrailers_CountsThemAsFields(string pace) => Run(async bench =>
    {
        const string Request = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
        const string Response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum:  42\r\n\r\n";
        await SendAsync(bench, bench.Client, Request, pace);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        string body = await server.ReadUntilAsync("\r\n\r\n");
        await SendAsync(bench, server, Response, pace);
        string answer = await bench.Client.ReadHeadAsync();
        string answerBody = await bench.Client.ReadUntilAsync("\r\n\r\n");
        Assert.EndsWith("0\r\nx-t: 1\r\n\r\n", body);
        Assert.EndsWith("0\r\nx-sum: 42\r\n\r\n", answerBody);
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        MeterRecords.Equal(
            Same(Request.Length, 8 + 13 + 27 + 7, answer.Length + answerBody.Length, MeterRecords.FieldBytes(answer) + 11), downstream);
        MeterRecords.Equal(Same(Response.Length, 27 + 10, head.Length + body.Length, MeterRecords.FieldBytes(head) + 8), upstream);
    },
    static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });

    [Fact]
    public void Retry_OfAFailedAttempt_GoesOnWithTheUpstreamsMeter() => Run(async bench =>
    {
        const string Failure = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        await bench.Client.SendAsync(Get);
        TestClient server = await bench.Upstream.AcceptAsync();
        string first = await server.ReadHeadAsync();
        await server.SendAsync(Failure);
        await TestPeers.UntilAsync(bench.Loop, () => bench.Proxy.Counter("cluster.backend.upstream_rq_retry") == 1);
        bench.Clock.AdvanceMilliseconds(1000);
        string second = await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        string response = await bench.Client.ReadUntilAsync("\r\n\r\nok");
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        MeterRecords.Equal(Same(Get.Length, 8, response.Length, MeterRecords.FieldBytes(response[..^2])), downstream);
        MeterRecords.Equal(
            Same(Failure.Length + Ok.Length, 18 + OkFields, first.Length + second.Length, MeterRecords.FieldBytes(first) + MeterRecords.FieldBytes(second)),
            upstream);
    },
    null,
    static route => route.Route_.RetryPolicy = new Envoy.Config.Route.V3.RetryPolicy { RetryOn = "5xx" });

    [Fact]
    public void LocalReply_CountsDownstreamOnly() => Run(async bench =>
    {
        await bench.Client.SendAsync(Get);
        string head = await bench.Client.ReadHeadAsync();
        string body = await bench.Client.ReadUntilAsync("gone");
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        MeterRecords.Equal(Same(Get.Length, 8, head.Length + body.Length, MeterRecords.FieldBytes(head)), downstream);
        MeterRecords.Equal(default, upstream);
    },
    null,
    static route =>
    {
        route.ClearAction();
        route.DirectResponse = new DirectResponseAction { Status = 410, Body = new DataSource { InlineString = "gone" } };
    });

    [Fact]
    public void MalformedHead_CountsWhatCame() => Run(async bench =>
    {
        const string Request = "GET / HTTP/1.1\r\nHost a\r\n\r\n";
        await bench.Client.SendAsync(Request);
        string response = await bench.Client.ReadUntilAsync("Bad Request");
        response += await bench.Client.ReadToEndAsync();
        ByteMeter downstream = bench.Records.Only.Downstream;
        Assert.Equal((Request.Length, response.Length), (downstream.WireBytesReceived, downstream.WireBytesSent));
    });

    [Fact]
    public void HeadThatDoesNotCome_CountsItsBeginning() => Run(async bench =>
    {
        await bench.Client.SendAsync("GET / HTTP/1.1\r\nHost");
        await bench.Loop.YieldAsync();
        await bench.Loop.YieldAsync();
        bench.Clock.AdvanceMilliseconds(2000);
        Assert.StartsWith("HTTP/1.1 408 ", await bench.Client.ReadHeadAsync());
        Assert.Equal(20, bench.Records.Only.Downstream.WireBytesReceived);
    },
    static hcm => hcm.RequestHeadersTimeout = new() { Seconds = 1 });

    [Fact]
    public void PipelinedRequests_CountTheirOwnBytes() => Run(async bench =>
    {
        const string Second = "GET /second HTTP/1.1\r\nHost: bb\r\n\r\n";
        await bench.Client.SendAsync(Get + Second);
        TestClient server = await bench.Upstream.AcceptAsync();
        string one = await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        string two = await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        await bench.Client.ReadUntilAsync("ok");
        string response = await bench.Client.ReadUntilAsync("\r\n\r\nok");
        Assert.Equal(2, bench.Records.Count);
        MeterRecords.Equal(Same(Ok.Length, OkFields, one.Length, MeterRecords.FieldBytes(one)), bench.Records[0].Upstream);
        Assert.Equal(Get.Length, bench.Records[0].Downstream.WireBytesReceived);
        MeterRecords.Equal(Same(Second.Length, 9, response.Length, MeterRecords.FieldBytes(response[..^2])), bench.Records[1].Downstream);
        MeterRecords.Equal(Same(Ok.Length, OkFields, two.Length, MeterRecords.FieldBytes(two)), bench.Records[1].Upstream);
    });

    [Fact]
    public void InformationalResponse_CountsLikeAHead() => Run(async bench =>
    {
        const string Early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        await bench.Client.SendAsync(Get);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        await server.SendAsync(Early + Ok);
        string hints = await bench.Client.ReadHeadAsync();
        string response = await bench.Client.ReadUntilAsync("\r\n\r\nok");
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        MeterRecords.Equal(
            Same(Get.Length, 8, hints.Length + response.Length, MeterRecords.FieldBytes(hints) + MeterRecords.FieldBytes(response[..^2])), downstream);
        MeterRecords.Equal(Same(Early.Length + Ok.Length, 8 + OkFields, head.Length, MeterRecords.FieldBytes(head)), upstream);
    });

    [Fact]
    public void Tunnel_CountsItsBytesBothWays() => Run(async bench =>
    {
        const string Request = "GET /c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
        const string Switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
        await bench.Client.SendAsync(Request);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        await server.SendAsync(Switch);
        string response = await bench.Client.ReadHeadAsync();
        await bench.Client.SendAsync("from client");
        Assert.Equal("from client", await server.ReadBytesAsync(11));
        await server.SendAsync("server");
        Assert.Equal("server", await bench.Client.ReadBytesAsync(6));
        server.Stream.Close();
        await bench.Client.ReadToEndAsync();
        (ByteMeter downstream, ByteMeter upstream) = bench.Records.Only;
        Assert.Equal((Request.Length + 11, response.Length + 6), (downstream.WireBytesReceived, downstream.WireBytesSent));
        Assert.Equal((Switch.Length + 6, head.Length + 11), (upstream.WireBytesReceived, upstream.WireBytesSent));
        Assert.Equal(MeterRecords.FieldBytes(response), downstream.HeaderBytesSent);
    },
    static hcm => hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "x" }));

    [Fact]
    public void UpstreamReset_CountsWhatCameBefore() => Run(async bench =>
    {
        await bench.Client.SendAsync(Get);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nConte");
        await bench.Loop.YieldAsync();
        server.Stream.Close();
        await bench.Client.ReadHeadAsync();
        MeterRecords.Equal(Same(22, 0, head.Length, MeterRecords.FieldBytes(head)), bench.Records.Only.Upstream);
    });

    [Fact]
    public void Entries_ForAnAccessLogService_CarryTheMeters() => Run(async bench =>
    {
        const string Request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        await bench.Client.SendAsync(Request);
        TestClient server = await bench.Upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        await server.ReadBytesAsync(3);
        await server.SendAsync(Ok);
        string response = await bench.Client.ReadUntilAsync("\r\n\r\nok");
        HTTPAccessLogEntry entry = Assert.Single(bench.Entries);
        AccessLogCommon common = entry.CommonProperties;
        Assert.Equal(((ulong)Request.Length, (ulong)response.Length), (common.DownstreamWireBytesReceived, common.DownstreamWireBytesSent));
        Assert.Equal(((ulong)Ok.Length, (ulong)head.Length + 3), (common.UpstreamWireBytesReceived, common.UpstreamWireBytesSent));
        Assert.Equal((8UL + 18, (ulong)MeterRecords.FieldBytes(head)),
            (entry.Request.DownstreamHeaderBytesReceived, entry.Request.UpstreamHeaderBytesSent));
        Assert.Equal(((ulong)OkFields, (ulong)MeterRecords.FieldBytes(response[..^2])),
            (entry.Response.UpstreamHeaderBytesReceived, entry.Response.DownstreamHeaderBytesSent));
        Assert.Equal((3UL, 2UL), (entry.Request.RequestBodyBytes, entry.Response.ResponseBodyBytes));
    },
    static hcm => hcm.AccessLog.Add(new AccessLog { Name = "entries", TypedConfig = Any.Pack(new Int32Value()) }));

    private static async Task SendAsync(Bench bench, TestClient peer, string text, string pace)
    {
        int piece = pace == "at once" ? text.Length : 1;
        for (int at = 0; at < text.Length; at += piece)
        {
            await peer.SendAsync(text.Substring(at, piece));
            await bench.Loop.YieldAsync();
        }
    }

    // HTTP/1 has one form of fields: the decompressed counts are the same.
    private static ByteMeter Same(int wireIn, int fieldsIn, int wireOut, int fieldsOut) => new()
    {
        WireBytesReceived = wireIn,
        HeaderBytesReceived = fieldsIn,
        DecompressedHeaderBytesReceived = fieldsIn,
        WireBytesSent = wireOut,
        HeaderBytesSent = fieldsOut,
        DecompressedHeaderBytesSent = fieldsOut,
    };

    private static void Run(
        Func<Bench, Task> test, Action<HttpConnectionManager>? configure = null, Action<Route>? configureRoute = null)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var proxy = new ProxyBench(loop);
            var records = new MeterRecords(proxy);
            List<HTTPAccessLogEntry> entries = [];
            proxy.Context.Extensions.Register<IAccessLoggerFactory>(new EntryRecordFactory(entries));
            proxy.AddTrailerCluster("backend", upstream.Address);
            proxy.Serve(
                hcm =>
                {
                    hcm.AccessLog.Add(MeterRecords.Log);
                    configure?.Invoke(hcm);
                },
                configureRoute);
            await test(new Bench(loop, clock, proxy, proxy.Connect(), upstream, records, entries));
        });
    }

    private sealed record Bench(
        EventLoop Loop, ManualLoopClock Clock, ProxyBench Proxy, TestClient Client, TestUpstream Upstream, MeterRecords Records,
        List<HTTPAccessLogEntry> Entries);
}
