using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>tcp_proxy's tunneling_config: what the request looks like, what grants it, and how bytes and ends pass.</summary>
public sealed class TunnelTests
{
    private const string Granted = "HTTP/1.1 200 OK\r\n\r\n";

    [Fact]
    public void Http1_Connect_CarriesBytesBothWays() => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        await client.SendAsync("hello");
        (TestClient server, string head) = await bench.AcceptAsync();
        Assert.Equal("CONNECT db.example:5432 HTTP/1.1\r\nhost: db.example:5432\r\n\r\n", head);
        Assert.True(server.HasNothing, "Bytes came before the tunnel was granted.");
        await server.SendAsync(Granted + "220 ready");
        Assert.Equal("220 ready", await client.ReadBytesAsync(9));
        Assert.Equal("hello", await server.ReadBytesAsync(5));
        Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_cx_total"));
        Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_rq_total"));
        Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_cx_http1_total"));
    });

    [Fact]
    public void Http2_Connect_HasNeitherSchemeNorPath() => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        await client.SendAsync("hello");
        (Http2Peer server, int id, Dictionary<string, string> fields) = await bench.Accept2Async();
        Assert.Equal(new Dictionary<string, string> { [":method"] = "CONNECT", [":authority"] = "db.example:5432" }, fields);
        await server.HeadersAsync(id, end: false, (":status", "200"));
        Assert.Equal("hello", await server.ReadBodyAsync(5));
        await server.DataAsync(id, "220 ready", end: false);
        Assert.Equal("220 ready", await client.ReadBytesAsync(9));
    });

    [Fact]
    public void Http1_Post_IsChunked() => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (TestClient server, string head) = await bench.AcceptAsync();
        Assert.StartsWith("POST /raw HTTP/1.1\r\n", head);
        Assert.Contains("host: db.example:5432\r\n", head);
        Assert.Contains("transfer-encoding: chunked\r\n", head);
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n220\r\n");
        Assert.Equal("220", await client.ReadBytesAsync(3));
        await client.SendAsync("hello");
        Assert.Equal("5\r\nhello\r\n", await server.ReadBytesAsync(10));

        // The server ends first: the connection is used until the client has ended, too, and again afterwards.
        await server.SendAsync("0\r\n\r\n");
        Assert.Equal("", await client.ReadToEndAsync());
        await client.SendAsync("more");
        Assert.Equal("4\r\nmore\r\n", await server.ReadBytesAsync(9));
        client.Stream.ShutdownSend();
        Assert.Equal("0\r\n\r\n", await server.ReadBytesAsync(5));
        await bench.UntilAsync(() => bench.Fixture.Gauge("cluster.c.upstream_rq_active") == 0);
        await bench.ConnectAsync();
        Assert.StartsWith("POST /raw HTTP/1.1\r\n", await server.ReadHeadAsync());
    }, static tcp => (tcp.TunnelingConfig.UsePost, tcp.TunnelingConfig.PostPath) = (true, "/raw"));

    [Fact]
    public void Http2_Post_HasSchemeAndPath() => Run(http2: true, async bench =>
    {
        await bench.ConnectAsync();
        (_, _, Dictionary<string, string> fields) = await bench.Accept2Async();
        Assert.Equal("POST", fields[":method"]);
        Assert.Equal("/", fields[":path"]);
        Assert.Equal("http", fields[":scheme"]);
        Assert.Equal("db.example:5432", fields[":authority"]);
    }, static tcp => tcp.TunnelingConfig.UsePost = true);

    [Fact]
    public void Head_IsMadeOfTheConnectionsFacts() => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (TestClient server, string head) = await bench.AcceptAsync();
        Assert.StartsWith("CONNECT 127.0.0.1:443 HTTP/1.1\r\n", head);
        Assert.Contains("x-from: 127.0.0.1\r\n", head);
        string id = head[(head.IndexOf("x-id: ", StringComparison.Ordinal) + 6)..][..36];
        Assert.True(Guid.TryParse(id, out _), id);
        await server.SendAsync(Granted);
        server.Stream.Close();
        Assert.Equal("", await client.ReadToEndAsync());
        client.Stream.Close();
        await bench.UntilAsync(() => bench.Records.Count == 2);
        Assert.Equal(["TcpUpstreamConnected - " + id, "TcpConnectionEnd - " + id], bench.Records);
    }, static tcp =>
    {
        tcp.TunnelingConfig.Hostname = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%:443";
        tcp.TunnelingConfig.HeadersToAdd.Add(new HeaderValueOption
        {
            Header = new HeaderValue { Key = "X-From", Value = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
        });
        tcp.TunnelingConfig.RequestIdExtension = new RequestIDExtension();
        tcp.TunnelingConfig.RequestIdHeader = "X-Id";
        tcp.TunnelingConfig.RequestIdMetadataKey = "id";
        tcp.AccessLogOptions = new() { FlushAccessLogOnConnected = true };
        tcp.AccessLog.Add(TunnelBench.Log("%ACCESS_LOG_TYPE% %RESPONSE_FLAGS% %DYNAMIC_METADATA(envoy.filters.network.tcp_proxy:id)%"));
    });

    /// <summary>A value of the client's making never becomes a line of the head.</summary>
    [Fact]
    public void Head_WithAValueThatNoHeaderMayHave_IsNotSent() => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        Assert.Equal("", await client.ReadToEndAsync());
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("UF,URX the tunnel's request would have a value that no header may have", bench.Records[0].Replace('_', ' '));
        Assert.Equal(0, bench.Fixture.Counter("cluster.c.upstream_cx_total"));
    }, static tcp =>
    {
        tcp.TunnelingConfig.Hostname = "a b";
        tcp.AccessLog.Add(TunnelBench.Log("%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON%"));
    });

    [Theory]
    [InlineData("HTTP/1.1 201 Created\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")]
    public void Http1_AnyGrant_OpensTheTunnelBehindItsHead(string answer) => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (TestClient server, _) = await bench.AcceptAsync();
        await server.SendAsync(answer + "raw");
        Assert.Equal("raw", await client.ReadBytesAsync(3));
        await client.SendAsync("back");
        Assert.Equal("back", await server.ReadBytesAsync(4));
    });

    [Fact]
    public void Http1_Refused_IsTriedAgainAndLeavesTheAnswersHead() => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        for (int attempt = 0; attempt < 2; attempt++)
        {
            (TestClient server, _) = await bench.AcceptAsync();
            await server.SendAsync($"HTTP/1.1 403 Forbidden\r\nX-Why: {attempt}\r\nContent-Length: 5\r\n\r\nnever");
        }

        Assert.Equal("", await client.ReadToEndAsync());
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("UF,URX 2 the upstream answered 403 to the tunnel's request 1", bench.Records[0].Replace('_', ' '));
        Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_cx_connect_attempts_exceeded"));
        Assert.Equal(0, bench.Fixture.Gauge("cluster.c.upstream_cx_active"));
        Assert.Equal(0, bench.Fixture.Gauge("cluster.c.upstream_rq_active"));
    }, static tcp =>
    {
        tcp.MaxConnectAttempts = 2;
        tcp.TunnelingConfig.PropagateResponseHeaders = true;
        tcp.AccessLog.Add(TunnelBench.Log("%RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_TRANSPORT_FAILURE_REASON% "
            + "%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:FIELD:x-why)%"));
    });

    /// <summary>RFC 9113 section 8.5 names 2xx; Envoy takes 200 alone over HTTP/2, and nothing that ends with its head.</summary>
    [Theory]
    [InlineData("201", false)]
    [InlineData("200", true)]
    [InlineData("503", true)]
    public void Http2_OtherAnswers_AreRefusals(string status, bool end) => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end, (":status", status));
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_cx_connect_attempts_exceeded"));
        await bench.UntilAsync(() => bench.Fixture.Gauge("cluster.c.upstream_rq_active") == 0);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Http2_HalfClose_LeavesTheOtherDirectionOpen(bool serverFirst) => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        if (serverFirst)
        {
            await server.DataAsync(id, "last", end: true);
            Assert.Equal("last", await client.ReadToEndAsync());
            await client.SendAsync("after");
            client.Stream.ShutdownSend();
            Assert.Equal("after", await server.ReadBodyAsync());
        }
        else
        {
            await client.SendAsync("last");
            client.Stream.ShutdownSend();
            Assert.Equal("last", await server.ReadBodyAsync());
            await server.DataAsync(id, "after", end: true);
            Assert.Equal("after", await client.ReadToEndAsync());
        }

        await bench.UntilAsync(() => bench.Fixture.Gauge("cluster.c.upstream_rq_active") == 0);
        Assert.Equal(0, bench.Fixture.Counter("cluster.c.http2.tx_reset"));
        Assert.Equal(1, bench.Fixture.Gauge("cluster.c.upstream_cx_active"));
        await bench.UntilAsync(() => bench.Fixture.Counter("tcp.t.downstream_cx_tx_bytes_total") > 0);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Http1_HalfClose_LeavesTheOtherDirectionOpen(bool serverFirst) => Run(http2: false, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (TestClient server, _) = await bench.AcceptAsync();
        await server.SendAsync(Granted);
        TestClient first = serverFirst ? server : client;
        TestClient second = serverFirst ? client : server;
        await first.SendAsync("last");
        first.Stream.ShutdownSend();
        Assert.Equal("last", await second.ReadToEndAsync());
        await second.SendAsync("after");
        second.Stream.ShutdownSend();
        Assert.Equal("after", await first.ReadToEndAsync());
        await bench.UntilAsync(() => bench.Fixture.Gauge("cluster.c.upstream_cx_active") == 0);
    });

    /// <summary>An HTTP server that has answered everything resets what is left of the request (RFC 9113 section 8.1): nothing broke.</summary>
    [Fact]
    public void Http2_ResetBehindTheEnd_EndsTheConnectionInOrder() => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        await server.DataAsync(id, "all", end: true);
        await server.SendAsync(FrameType.RST_STREAM, FrameFlags.None, id, Http2Peer.Number((uint)Http2ErrorCode.NO_ERROR));
        Assert.Equal("all", await client.ReadToEndAsync());
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("- 0 3", bench.Records[0]);
    }, static tcp => tcp.AccessLog.Add(TunnelBench.Log("%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%")));

    [Fact]
    public void Http2_Reset_BringsWhatCameBeforeAndBreaksTheClient() => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        await server.DataAsync(id, "part", end: false);
        Assert.Equal("part", await client.ReadBytesAsync(4));
        await server.SendAsync(FrameType.RST_STREAM, FrameFlags.None, id, Http2Peer.Number((uint)Http2ErrorCode.CONNECT_ERROR));
        Assert.Equal(IoError.ConnectionReset, (await client.Stream.ReceiveAsync(new byte[1])).Error);
    });

    [Fact]
    public void Client_ThatResets_ResetsItsStreamAlone() => Run(http2: true, async bench =>
    {
        TestClient first = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        await first.SendAsync("x");
        await server.ReadBodyAsync(1);
        TestClient second = await bench.ConnectAsync();
        (int other, _, _) = await server.ReadHeadersAsync();
        await server.HeadersAsync(other, end: false, (":status", "200"));
        first.Stream.Reset();
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        await server.DataAsync(other, "still here", end: false);
        Assert.Equal("still here", await second.ReadBytesAsync(10));
    });

    [Fact]
    public void Client_ThatResetsWhileTheTunnelOpens_GivesItUp() => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, _, _) = await bench.Accept2Async();
        client.Stream.Reset();
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("DC", bench.Records[0]);
    }, static tcp => tcp.AccessLog.Add(TunnelBench.Log("%RESPONSE_FLAGS%")));

    [Fact]
    public void Trailers_OfTheAnswer_GoToTheFilterState() => Run(http2: true, async bench =>
    {
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"), ("x-node", "n1"));
        await server.DataAsync(id, "body", end: false);
        await server.HeadersAsync(id, end: true, ("x-sum", "42"));
        Assert.Equal("body", await client.ReadToEndAsync());
        client.Stream.Close();
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("n1 42 HTTP/2", bench.Records[0]);
    }, static tcp =>
    {
        tcp.TunnelingConfig.PropagateResponseHeaders = true;
        tcp.TunnelingConfig.PropagateResponseTrailers = true;
        tcp.AccessLog.Add(TunnelBench.Log("%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:FIELD:x-node)% "
            + "%FILTER_STATE(envoy.tcp_proxy.propagate_response_trailers:FIELD:x-sum)% %UPSTREAM_PROTOCOL%"));
    });

    /// <summary>A server that never answers is bounded by the idle timeout.</summary>
    [Fact]
    public void Server_ThatNeverAnswers_IsGivenUpAfterTheIdleTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new TunnelBench(loop, http2: true, static tcp => tcp.IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(7)));
            TestClient client = await bench.ConnectAsync();
            (Http2Peer server, _, _) = await bench.Accept2Async();
            clock.Advance(TimeSpan.FromSeconds(8));
            Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
            Assert.Equal("", await client.ReadToEndAsync());
            Assert.Equal(1, bench.Fixture.Counter("tcp.t.idle_timeout"));
        });
    }

    [Fact]
    public void MaxRequests_Reached_IsAnOverflow() => Run(http2: true, async bench =>
    {
        await bench.ConnectAsync();
        await bench.Accept2Async();
        TestClient second = await bench.ConnectAsync();
        Assert.Equal("", await second.ReadToEndAsync());
        await bench.UntilAsync(() => bench.Records.Count == 1);
        Assert.Equal("UO", bench.Records[0]);
    }, static tcp => tcp.AccessLog.Add(TunnelBench.Log("%RESPONSE_FLAGS%")), static cluster =>
        cluster.CircuitBreakers = new() { Thresholds = { new Envoy.Config.Cluster.V3.CircuitBreakers.Types.Thresholds { MaxRequests = 1 } } });

    /// <summary>What the far side sends and a client does not read stays with the far side: the stream's window closes.</summary>
    [Fact]
    public void Http2_ClientThatDoesNotRead_ClosesTheWindow() => Run(http2: true, async bench =>
    {
        const int Window = 65_535;
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        int sent = 0;

        // Until the kernel's buffers, the tunnel's and the window are full, everything is taken; then WINDOW_UPDATEs stop.
        for (int credit = Window; credit > 0;)
        {
            int size = Math.Min(credit, 16_384);
            await server.DataAsync(id, new string('x', size), end: false);
            sent += size;
            credit -= size;
        }

        client.Stream.ShutdownSend();
        await server.DataAsync(id, "", end: true);
        Assert.Equal(sent, (await client.ReadToEndAsync()).Length);
    }, null, static cluster => cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
        Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
        {
            ExplicitHttpConfig = new() { Http2ProtocolOptions = new() { InitialStreamWindowSize = 65_535, InitialConnectionWindowSize = 65_535 } },
        }));

    internal static void Run(bool http2, Func<TunnelBench, Task> body, Action<TcpProxy>? configure = null,
        Action<Envoy.Config.Cluster.V3.Cluster>? configureCluster = null) => LoopRunner.Run(async loop =>
        {
            using var bench = new TunnelBench(loop, http2, configure, configureCluster);
            await body(bench);
        });
}
