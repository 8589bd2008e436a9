using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

[Collection(LoadCollection.Name)]
public sealed class ManyIdleConnectionsTests
{
    private const int Connections = 10_000;

    // A connection at rest: its objects, its timers' entries and the pair of memory streams that stands in for a socket.
    private const long BytesPerConnectionMax = 6 * 1024;

    [Fact]
    public void TenThousandIdle_HoldNoBufferAndOthersAreServed() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient warm = bench.Connect();
        TestClient? server = null;
        await AskAsync(warm);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var idle = new List<TestClient>(Connections);
        for (int i = 0; i < Connections; i++)
        {
            TestClient client = bench.Connect();
            idle.Add(client);
            if (i % 100 == 0)
            {
                await AskAsync(client);
            }
        }

        await loop.UntilAsync(() => loop.Buffers.RentedCount == 0);
        long each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Connections;
        Assert.InRange(each, 256, BytesPerConnectionMax);
        await AskAsync(bench.Connect());
        await AskAsync(idle[Connections / 2]);
        GC.KeepAlive(idle);

        async Task AskAsync(TestClient client)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            server ??= await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await client.ReadHeadAsync();
            Assert.Equal("ok", await client.ReadBytesAsync(2));
        }
    });
}
