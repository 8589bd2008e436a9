using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class BadRequestTests
{
    [Theory]
    [InlineData("CL and TE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        400, "http1.content_length_and_chunked_not_allowed", "DPE")]
    [InlineData("duplicate CL", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n1234", 400, "http1.codec_error", "DPE")]
    [InlineData("bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, "http1.codec_error", "DPE")]
    [InlineData("fold", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, "http1.codec_error", "DPE")]
    [InlineData("space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "http1.codec_error", "DPE")]
    [InlineData("NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, "http1.invalid_characters", "DPE")]
    [InlineData("gzip coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "http1.invalid_transfer_encoding", "DPE")]
    [InlineData("nominates x-forwarded-for", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-forwarded-for\r\n\r\n",
        400, "http1.connection_header_rejected", "DPE")]
    public void Request_Malformed_AnsweredAndClosed_NothingUpstream(string label, string bytes, int status, string details, string flags) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve();
            TestClient client = bench.Connect();
            await client.SendAsync(bytes);
            string all = await client.ReadToEndAsync();
            Assert.True(all.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), label + ": " + all);
            Assert.Contains("connection: close\r\n", all);
            Assert.Single(all.Split("HTTP/1.1 "), static part => part.Length == 0);
            if (bench.Recorded.Count > 0)
            {
                Assert.Equal(details, bench.Recorded[0].Details);
                Assert.Equal(flags, bench.Recorded[0].Flags);
            }

            Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
        });

    [Theory]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 426)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404)]
    [InlineData("GET /a#f HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n", 403)]
    public void Request_Refused_StatusOfEnvoy(string bytes, int status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(bytes);
        string head = await client.ReadHeadAsync();
        Assert.Contains($" {status} ", head[..14]);
    });

    [Fact]
    public void Head_TooLarge_431() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX: {new string('x', 62 * 1024)}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n", await client.ReadToEndAsync());
    });

    [Fact]
    public void Head_ByteByByte_IsServed() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        foreach (char c in "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok")
        {
            await client.SendAsync(c.ToString());
            await loop.YieldAsync();
        }

        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("POST /slow ", await server.ReadHeadAsync());
        Assert.Equal("ok", await server.ReadBytesAsync(2));
    });

    [Fact]
    public void Chunk_MalformedMidBody_UpstreamResetAndClientClosed() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        (TestClient client, TestClient server) = await bench.BeginAsync(
            upstream, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        await client.SendAsync("zz\r\n");
        string all = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", all);
        Assert.DoesNotContain("0\r\n\r\n", await server.ReadToEndAsync());
        Assert.Equal("http1.codec_error", Assert.Single(bench.Recorded).Details);
    });

    [Fact]
    public void Client_LeavesMidBody_UpstreamResetAndReasonIsDc() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        (TestClient client, TestClient server) = await bench.BeginAsync(
            upstream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
        client.Stream.Close();
        await server.ReadToEndAsync();
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal((0, "downstream_remote_disconnect", "DC"), (record.Status, record.Details, record.Flags));
        Assert.True(bench.AllConnectionsFinished);
    });

    [Fact]
    public void Client_LeavesWhileWaiting_UpstreamResetAndReasonIsDc() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        (TestClient client, TestClient server) = await bench.BeginAsync(
            upstream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.Stream.Close();
        await server.ReadToEndAsync();
        Assert.Equal("DC", Assert.Single(bench.Recorded).Flags);
    });
}
