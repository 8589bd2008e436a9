using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Upstreams that say more, less or other than a response: the client gets 502 or a cut connection, other clients get nothing of it.</summary>
public sealed class HostileUpstreamTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

    [Theory]
    [InlineData("after a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok")]
    [InlineData("after the last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "0\r\n\r\n")]
    [InlineData("after 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n")]
    [InlineData("after 304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", "\r\n\r\n")]
    [InlineData("after the answer to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "\r\n\r\n")]
    public void Surplus_AtEverySplit_NeverReachesAnotherClient(string where, string method, string response, string end) =>
        LoopRunner.Run(async loop =>
        {
            string bytes = response + Evil;
            for (int split = response.Length; split <= bytes.Length; split++)
            {
                using var upstream = new TestUpstream(loop);
                var bench = new ProxyBench(loop);
                bench.AddCluster("backend", upstream.Address);
                bench.Serve();
                TestClient first = bench.Connect();
                await first.SendAsync($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
                TestClient server = await upstream.AcceptAsync();
                await server.ReadHeadAsync();
                await server.SendAsync(bytes[..split]);
                await first.ReadUntilAsync(end);
                TestClient second = bench.Connect();
                await second.SendAsync(Get);
                await server.SendAsync(bytes[split..]);
                if (split == bytes.Length || bench.Counter("cluster.backend.upstream_cx_total") == 2)
                {
                    TestClient other = await upstream.AcceptAsync();
                    await other.ReadHeadAsync();
                    await other.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
                    await second.ReadHeadAsync();
                    Assert.True(await second.ReadBytesAsync(4) == "good", where);
                }
            }
        });

    [Fact]
    public void Head_LargerThanTheLimit_502Upe() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\nX: {new string('x', 81 * 1024)}\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 502 Bad Gateway\r\n", await client.ReadHeadAsync());
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("UPE", "upstream_reset_before_response_started{protocol_error}"), (record.Flags, record.Details));
    });

    [Theory]
    [InlineData("zz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("3\r\nabcd\r\n0\r\n\r\n")]
    [InlineData("3\nabc\r\n0\r\n\r\n")]
    public void Chunk_Malformed_CutsTheClientWithoutALastChunk(string body) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        await client.ReadUntilAsync("ok\r\n");
        await server.SendAsync(body);
        Assert.DoesNotContain("0\r\n\r\n", await client.ReadToEndAsync());
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("UPE", "upstream_reset_after_response_started{protocol_error}"), (record.Flags, record.Details));
    });

    [Fact]
    public void Reset_BeforeHeaders_503Uc() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        server.Stream.Reset();
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("UC", Assert.Single(bench.Recorded).Flags);
    });

    [Fact]
    public void Reset_InsideTheBody_ClientSeesNoEnd() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        await client.ReadUntilAsync("ok\r\n");
        server.Stream.Reset();
        Assert.DoesNotContain("0\r\n\r\n", await client.ReadToEndAsync());
        Assert.Equal("UC", Assert.Single(bench.Recorded).Flags);
    });

    [Fact]
    public void Response_ByteByByte_IsForwardedWhole() => LoopRunner.Run(async loop =>
    {
        const string Response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: v\r\n\r\n";
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        foreach (char c in Response)
        {
            await server.SendAsync(c.ToString());
            await loop.YieldAsync();
        }

        await client.ReadHeadAsync();
        string body = await client.ReadUntilAsync("0\r\n");
        Assert.Equal("abcde", string.Concat(body.Split("\r\n").Where(static (_, i) => i % 2 == 1)));
    });
}
