using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;
using HttpOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a message may have: the defaults of Envoy, their settings, and what happens beyond them, in both versions.</summary>
public sealed class LimitTests
{
    private const string Reset = "upstream connect error or disconnect/reset before headers. reset reason: ";

    /// <summary>max_request_headers_kb (60) and max_headers_count (100) over HTTP/1.1; the host is one of the headers, the request line is of the head.</summary>
    [Theory]
    [InlineData(59 * 1024, 99, 0u, 0u, true, "")]
    [InlineData(60 * 1024, 1, 0u, 0u, false, "http1.headers_too_large")]
    [InlineData(1, 100, 0u, 0u, false, "http1.too_many_headers")]
    [InlineData(100 * 1024, 1, 101u, 0u, true, "")]
    [InlineData(102 * 1024, 1, 101u, 0u, false, "http1.headers_too_large")]
    [InlineData(1, 149, 0u, 150u, true, "")]
    [InlineData(1, 150, 0u, 150u, false, "http1.too_many_headers")]
    public void RequestHead_Http1_Is431BeyondTheLimits(int bytes, int headers, uint kilobytes, uint count, bool passes, string details) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, kilobytes, count);
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{string.Concat(Fields(bytes, headers).Select(static f => $"{f.Name}: {f.Value}\r\n"))}\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith(passes ? "HTTP/1.1 200 " : "HTTP/1.1 431 Request Header Fields Too Large\r\n", head, StringComparison.Ordinal);
        RecordedStream record = Assert.Single(bench.Logged);
        Assert.Equal(passes ? (200, "-", "direct_response") : (431, "DPE", details), (record.Status, record.Flags, record.Details));
        if (!passes)
        {
            Assert.Contains("\r\nconnection: close\r\n", head, StringComparison.Ordinal);
        }
    });

    /// <summary>The same over HTTP/2, where pseudo headers count: the stream is reset and the connection lives on.</summary>
    [Theory]
    [InlineData(59 * 1024, 96, 0u, 0u, true)]
    [InlineData(60 * 1024, 1, 0u, 0u, false)]
    [InlineData(1, 97, 0u, 0u, false)]
    [InlineData(1, 146, 0u, 150u, true)]
    [InlineData(1, 147, 0u, 150u, false)]
    public void RequestHead_Http2_ResetsTheStreamBeyondTheLimits(int bytes, int headers, uint kilobytes, uint count, bool passes) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, kilobytes, count);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await AskAsync(client, 1, [.. Fields(bytes, headers)]);
        if (passes)
        {
            Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
            return;
        }

        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        RecordedStream record = Assert.Single(bench.Logged);
        Assert.Equal((0, "http2.too_many_headers"), (record.Status, record.Details));
        Assert.Equal(1, bench.Counter("http2.header_overflow"));
        await client.GetAsync(3);
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
    });

    /// <summary>Each cookie of HTTP/2 is a header of its own until the message is whole, however small the table makes it (CVE-2026-47774).</summary>
    [Theory]
    [InlineData(96, 9, true)]
    [InlineData(97, 9, false)]
    [InlineData(60, 1023, true)]
    [InlineData(61, 1023, false)]
    public void Cookies_Http2_CountBeforeTheyAreOne(int crumbs, int bytes, bool passes) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, 0, 0);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        (string, string)[] cookies = [.. Enumerable.Repeat(("cookie", new string('c', bytes - 6)), crumbs)];
        await AskAsync(client, 1, cookies);
        if (passes)
        {
            Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        }
        else
        {
            Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        }
    });

    [Theory]
    [InlineData("http2")]
    [InlineData("http1")]
    public void Trailers_BeyondTheLimit_Are431OrReset(string codec) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient plain = bench.Connect();
        if (codec == "http1")
        {
            await plain.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: {new string('x', 61 * 1024)}\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 431 ", await plain.ReadHeadAsync(), StringComparison.Ordinal);
            Assert.Equal("http1.trailers_too_large", Assert.Single(bench.Logged).Details);
            return;
        }

        var client = new Http2Peer(plain.Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, method: "POST", end: false);
        await AskAsync(client, 1, [("x", new string('x', 61 * 1024))], withRequest: false);
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
    });

    /// <summary>
    /// Responses: 80 KiB over HTTP/1.1, 60 KiB over HTTP/2, 100 headers. Beyond them HTTP/1.1 is a protocol error of the connection; a stream of
    /// HTTP/2 is reset, which Envoy takes for the host's reset.
    /// </summary>
    [Theory]
    [InlineData(false, 79 * 1024, 99, 0u, 0u, true)]
    [InlineData(false, 80 * 1024, 1, 0u, 0u, false)]
    [InlineData(false, 1, 100, 0u, 0u, false)]
    [InlineData(true, 59 * 1024, 98, 0u, 0u, true)]
    [InlineData(true, 60 * 1024, 1, 0u, 0u, false)]
    [InlineData(true, 1, 99, 0u, 0u, false)]
    [InlineData(false, 100 * 1024, 1, 101u, 0u, true)]
    [InlineData(true, 100 * 1024, 1, 101u, 0u, true)]
    [InlineData(true, 102 * 1024, 1, 101u, 0u, false)]
    [InlineData(false, 1, 150, 0u, 150u, false)]
    [InlineData(true, 1, 148, 0u, 150u, true)]
    [InlineData(true, 1, 149, 0u, 150u, false)]
    public void ResponseHead_BeyondTheLimits_IsNeverPassedOn(bool http2, int bytes, int headers, uint kilobytes, uint count, bool passes) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpOptions
        {
            ExplicitHttpConfig = http2 ? new() { Http2ProtocolOptions = new() } : new() { HttpProtocolOptions = new() },
            CommonHttpProtocolOptions = new HttpProtocolOptions
            {
                MaxResponseHeadersKb = kilobytes == 0 ? null : kilobytes, MaxHeadersCount = count == 0 ? null : count,
            },
        }, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        (string Name, string Value)[] fields = [.. Fields(bytes, headers)];
        if (http2)
        {
            var peer = new Http2Peer(server.Stream);
            await peer.StartServerAsync();
            await peer.ReadHeadersAsync();
            await SendBlockAsync(peer, 1, [(":status", "200"), ("content-length", "0"), .. fields]);
        }
        else
        {
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{string.Concat(fields.Select(static f => $"{f.Name}: {f.Value}\r\n"))}\r\n");
        }

        string head = await client.ReadHeadAsync();
        Assert.StartsWith(passes ? "HTTP/1.1 200 " : http2 ? "HTTP/1.1 503 " : "HTTP/1.1 502 ", head, StringComparison.Ordinal);
        string body = await client.ReadToEndAsync();
        Assert.Equal(passes ? "" : Reset + (http2 ? "remote reset" : "protocol error"), body);
        RecordedStream record = Assert.Single(bench.Logged);
        Assert.Equal(
            passes ? ("-", "via_upstream")
                : http2 ? ("UR", "upstream_reset_before_response_started{remote_reset}")
                : ("UPE", "upstream_reset_before_response_started{protocol_error}"),
            (record.Flags, record.Details));
    });

    /// <summary>max_requests_per_connection of clusters: the connection goes with its last request.</summary>
    [Theory]
    [InlineData(false, 1u)]
    [InlineData(true, 1u)]
    [InlineData(false, 2u)]
    [InlineData(true, 2u)]
    public void MaxRequestsPerConnection_Upstream_ClosesBehindTheLast(bool http2, uint most) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpOptions
        {
            ExplicitHttpConfig = http2 ? new() { Http2ProtocolOptions = new() } : new() { HttpProtocolOptions = new() },
            CommonHttpProtocolOptions = new HttpProtocolOptions { MaxRequestsPerConnection = most },
        }, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        for (int connection = 0; connection < 2; connection++)
        {
            TestClient? server = null;
            Http2Peer? peer = null;
            for (int request = 0; request < most; request++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                if (server is null)
                {
                    server = await upstream.AcceptAsync();
                    peer = http2 ? new Http2Peer(server.Stream) : null;
                    await (peer?.StartServerAsync() ?? Task.CompletedTask);
                }

                if (peer is not null)
                {
                    int id = (await peer.ReadHeadersAsync()).Id;
                    await peer.HeadersAsync(id, end: true, (":status", "200"));
                }
                else
                {
                    await server.ReadHeadAsync();
                    await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                }

                Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
            }

            await (peer?.ReadToEndAsync() ?? server!.ReadToEndAsync());
        }
    });

    /// <summary>The cap on bodies of direct responses: 4096 bytes unless the routes say another.</summary>
    [Theory]
    [InlineData(4096, null, true)]
    [InlineData(4097, null, false)]
    [InlineData(4097, 4097u, true)]
    [InlineData(4097, 10u, false)]
    [InlineData(1024 * 1024, 1024u * 1024, true)]
    [InlineData(0, 0u, true)]
    [InlineData(1, 0u, false)]
    public void DirectResponseBody_BeyondItsCap_IsRefused(int bytes, uint? cap, bool passes) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        var routes = new RouteConfiguration
        {
            Name = "routes",
            MaxDirectResponseBodySizeBytes = cap,
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = "all", Domains = { "*" },
                    Routes =
                    {
                        new Route
                        {
                            Match = new RouteMatch { Prefix = "/" },
                            DirectResponse = new DirectResponseAction { Status = 200, Body = new DataSource { InlineString = new string('x', bytes) } },
                        },
                    },
                },
            },
        };
        if (!passes)
        {
            Assert.Contains($"it has {bytes} bytes, max_direct_response_body_size_bytes allows {cap ?? 4096}",
                Assert.Throws<ConfigRejectedException>(() => bench.Serve(routes)).Message, StringComparison.Ordinal);
            return;
        }

        bench.Serve(routes);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Assert.Contains($"\r\ncontent-length: {bytes}\r\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal(bytes, (await client.ReadToEndAsync()).Length);
    });

    [Fact]
    public void Limits_OutOfRange_AreRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        Assert.Equal("max_request_headers_kb: 8193 is not between 1 and 8192",
            Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm => hcm.MaxRequestHeadersKb = 8193)).Message);
        Assert.Equal("max_request_headers_kb: 0 is not between 1 and 8192",
            Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm => hcm.MaxRequestHeadersKb = 0)).Message);
        bench.Serve(static hcm => hcm.MaxRequestHeadersKb = 8192);
        Assert.Equal("common_http_protocol_options.max_headers_count: it is 0; at least 1 is needed",
            Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm => hcm.CommonHttpProtocolOptions = new() { MaxHeadersCount = 0 })).Message);
        Assert.Equal("o.common_http_protocol_options.max_headers_count: it is 0; at least 1 is needed",
            Assert.Throws<ConfigRejectedException>(() => UpstreamHttpOptions.Compile(
                new HttpOptions { CommonHttpProtocolOptions = new() { MaxHeadersCount = 0 } }, "o")).Message);
        return Task.CompletedTask;
    });

    private static ProxyBench Serve(EventLoop loop, uint kilobytes, uint count)
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm =>
        {
            hcm.MaxRequestHeadersKb = kilobytes == 0 ? null : kilobytes;
            hcm.CommonHttpProtocolOptions = count == 0 ? null : new() { MaxHeadersCount = count };
        }, static route => route.DirectResponse = new DirectResponseAction { Status = 200 });
        return bench;
    }

    // So many headers of which the first is large.
    private static IEnumerable<(string Name, string Value)> Fields(int bytes, int headers)
    {
        yield return ("x", new string('x', bytes - 1));
        for (int i = 1; i < headers; i++)
        {
            yield return ($"x{i.ToString(CultureInfo.InvariantCulture)}", "");
        }
    }

    private static Task AskAsync(Http2Peer client, int id, (string Name, string Value)[] fields, bool withRequest = true) => SendBlockAsync(client, id, withRequest
        ? [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), .. fields]
        : fields);

    // A block may need more than one frame.
    private static async Task SendBlockAsync(Http2Peer peer, int id, (string Name, string Value)[] fields)
    {
        byte[] block = peer.Block(fields);
        const int part = FrameHeader.PayloadBytesDefault;
        for (int at = 0; at < block.Length; at += part)
        {
            byte[] piece = block[at..Math.Min(block.Length, at + part)];
            FrameFlags flags = at + part >= block.Length ? FrameFlags.END_HEADERS : FrameFlags.None;
            await (at == 0
                ? peer.SendAsync(FrameType.HEADERS, flags | FrameFlags.END_STREAM, id, piece)
                : peer.SendAsync(FrameType.CONTINUATION, flags, id, piece));
        }
    }
}
