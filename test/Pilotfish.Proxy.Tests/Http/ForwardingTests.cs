using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class ForwardingTests
{
    private const string Get = "GET /x?y=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: t\r\n\r\n";

    [Fact]
    public void Request_ForwardedToCluster_ResponseComesBack() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("GET /x?y=1 HTTP/1.1\r\nhost: example.com\r\n", head);
        Assert.Contains("user-agent: t\r\n", head);
        Assert.Contains("x-request-id: ", head);
        Assert.Contains("x-forwarded-proto: http\r\n", head);
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: s\r\n\r\nhello");
        string response = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", response);
        Assert.Contains("content-length: 5\r\n", response);
        Assert.Contains("server: envoy\r\n", response);
        Assert.Contains("date: ", response);
        Assert.Contains("x-envoy-upstream-service-time: ", response);
        Assert.DoesNotContain("connection:", response);
        Assert.Equal("hello", await client.ReadBytesAsync(5));
        Assert.Equal(new RecordedStream(200, "via_upstream", "-", 1, 0, 5), Assert.Single(bench.Recorded));

        // The same two connections serve the next request.
        await client.SendAsync(Get);
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 No Content\r\n", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_rq_total"));
    });

    [Theory]
    [InlineData("GET", false)]
    [InlineData("DELETE", false)]
    [InlineData("POST", true)]
    [InlineData("PUT", true)]
    [InlineData("OPTIONS", true)]
    public void Request_WithoutBody_SaysSoWhereItsMethodCouldHaveOne(string method, bool says) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.Equal(says, head.Contains("content-length: 0\r\n", StringComparison.Ordinal));
    });

    [Fact]
    public void ChunkedBodies_BothWays_KeepTheirBytes() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("transfer-encoding: chunked\r\n", head);
        string body = await server.ReadUntilAsync("0\r\n\r\n");
        Assert.Equal("abcde", Unchunk(body));
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n");
        Assert.Contains("transfer-encoding: chunked\r\n", await client.ReadHeadAsync());
        Assert.Equal("wxyz", Unchunk(await client.ReadUntilAsync("0\r\n\r\n")));
        Assert.Equal(5, bench.Recorded[0].BytesReceived);
        Assert.Equal(4, bench.Recorded[0].BytesSent);
    });

    // enable_trailers is a word of each side: the client's connection manager has it, the cluster does not.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trailers_OfAClusterWithoutThem_AreDropped(bool enabled) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        if (enabled)
        {
            bench.AddTrailerCluster("backend", upstream.Address);
        }
        else
        {
            bench.AddCluster("backend", upstream.Address);
        }

        bench.Serve(static hcm => hcm.HttpProtocolOptions = new Envoy.Config.Core.V3.Http1ProtocolOptions { EnableTrailers = true });
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-t: 1\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal(enabled ? "1\r\na\r\n0\r\nx-t: 1\r\n\r\n" : "1\r\na\r\n0\r\n\r\n", await server.ReadUntilAsync("\r\n\r\n"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nx-end: 2\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal(enabled ? "1\r\nb\r\n0\r\nx-end: 2\r\n\r\n" : "1\r\nb\r\n0\r\n\r\n", await client.ReadUntilAsync("\r\n\r\n"));

        // Nothing of it is left for the next exchange.
        await client.SendAsync("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("GET /next ", await server.ReadHeadAsync());
    });

    [Fact]
    public void Trailers_OfAnEarlierRequest_AreNotSentAgain() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddTrailerCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.HttpProtocolOptions = new Envoy.Config.Core.V3.Http1ProtocolOptions { EnableTrailers = true });
        TestClient client = bench.Connect();
        TestClient? server = null;
        foreach (string trailer in (string[])["x-t: one\r\n", ""])
        {
            await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{trailer}\r\n");
            server ??= await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            Assert.Equal($"1\r\na\r\n0\r\n{trailer}\r\n", await server.ReadUntilAsync($"0\r\n{trailer}\r\n"));
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await client.ReadHeadAsync();
        }
    });

    [Fact]
    public void Pipelined_TwoRequests_AnsweredInOrder() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("GET /1 ", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
        await client.ReadHeadAsync();
        Assert.Equal("1", await client.ReadBytesAsync(1));
        Assert.StartsWith("GET /2 ", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
        await client.ReadHeadAsync();
        Assert.Equal("2", await client.ReadBytesAsync(1));
    });

    [Fact]
    public void LargeBody_SlowClient_ArrivesWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        const int Size = 3_000_000;
        string body = new('x', Size);
        Task sending = server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Size}\r\n\r\n{body}");
        await client.ReadHeadAsync();
        Assert.Equal(Size, (await client.ReadBytesAsync(Size)).Length);
        await sending;
        Assert.Equal(Size, bench.Recorded[0].BytesSent);
    });

    [Fact]
    public void LargeRequestBody_ArrivesWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        const int Size = 2_000_000;
        Task sending = client.SendAsync($"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {Size}\r\n\r\n{new string('u', Size)}");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal(Size, (await server.ReadBytesAsync(Size)).Length);
        await sending;
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200", await client.ReadHeadAsync());
        Assert.Equal(Size, bench.Recorded[0].BytesReceived);
    });

    [Fact]
    public void Head_ContentLengthWithoutBody_Passes() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
        Assert.Contains("content-length: 500\r\n", await client.ReadHeadAsync());
        await client.SendAsync(Get);
        await server.ReadHeadAsync();
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void UpgradeAllowed_BytesFlowBothWays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" }));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("upgrade: websocket\r\n", head);
        Assert.Contains("connection: upgrade\r\n", head);
        await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        string answer = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 101 ", answer);
        Assert.Contains("upgrade: websocket\r\n", answer);
        await client.SendAsync("ping");
        Assert.Equal("ping", await server.ReadBytesAsync(4));
        await server.SendAsync("pong");
        Assert.Equal("pong", await client.ReadBytesAsync(4));
        server.Stream.Close();
        Assert.Equal("", await client.ReadToEndAsync());
    });

    private static string Unchunk(string chunked)
    {
        string body = "";
        while (true)
        {
            int line = chunked.IndexOf("\r\n", StringComparison.Ordinal);
            int size = Convert.ToInt32(chunked[..line], 16);
            if (size == 0)
            {
                return body;
            }

            body += chunked.Substring(line + 2, size);
            chunked = chunked[(line + 4 + size)..];
        }
    }
}
