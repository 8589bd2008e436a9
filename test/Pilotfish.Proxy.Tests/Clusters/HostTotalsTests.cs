using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>What /clusters tells of a host beside its present load.</summary>
public sealed class HostTotalsTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Fact]
    public void Requests_ByTheirOutcome_AreCounted() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        Host host = bench.AddCluster("backend", upstream.Address).Hosts.All[0];
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        foreach (int status in new[] { 200, 404, 500 })
        {
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            await client.ReadHeadAsync();
            await client.SendAsync(Get);
        }

        await server.ReadHeadAsync();
        server.Stream.Reset();
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal((4, 0), (host.RequestsTotal, host.ActiveRequests));
        Assert.Equal((2, 2, 0), (host.Monitor.Succeeded, host.Monitor.Failed, host.Monitor.TimedOut));
        Assert.Equal((1, 0), (host.ConnectionsTotal, host.ConnectFailures));
    });

    [Fact]
    public void Connect_Refused_IsCounted() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        var gone = new TestUpstream(loop);
        Host host = bench.AddCluster("backend", gone.Address).Hosts.All[0];
        gone.Dispose();
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal((1, 1, 0), (host.ConnectionsTotal, host.ConnectFailures, host.ActiveConnections));
    });
}
