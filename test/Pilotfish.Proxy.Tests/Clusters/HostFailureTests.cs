using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>What becomes of a host's connections when it fails its check or is ejected.</summary>
public sealed class HostFailureTests
{
    [Fact]
    public void Http1_BusyConnection_EndsAfterItsExchange_AndTheNextRequestGetsANewOne() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        cluster.Hosts.All[0].Slot(0)!.OnHostUnhealthy();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal("", await server.ReadToEndAsync());
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient next = await upstream.AcceptAsync();
        await next.ReadHeadAsync();
        await next.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());

        // One that idles closes at once.
        cluster.Hosts.All[0].Slot(0)!.OnHostUnhealthy();
        Assert.Equal("", await next.ReadToEndAsync());
    });

    [Fact]
    public void Http2_BusyConnection_EndsAfterItsStreams_AndTheNextRequestGetsANewOne() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddHttpCluster(
            "backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new Http2ProtocolOptions() } }, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (int id, _, _) = await server.ReadHeadersAsync();
        cluster.Hosts.All[0].Slot(0)!.OnHostUnhealthy();
        TestClient other = bench.Connect();
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var next = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await next.StartServerAsync();
        (int nextId, _, _) = await next.ReadHeadersAsync();
        await next.HeadersAsync(nextId, end: true, (":status", "204"));
        Assert.StartsWith("HTTP/1.1 204 ", await other.ReadHeadAsync());
        await server.HeadersAsync(id, end: true, (":status", "200"));
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        await server.ReadToEndAsync();
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tcp_EndsWithItsHost_WhereAsked(bool asked) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var fixture = new TransportFixture(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", upstream.Address, NetAddress.Parse("127.9.9.9:1"));
        cluster.CloseConnectionsOnHostHealthFailure = asked;
        cluster.OutlierDetection = new OutlierDetection { MaxEjectionPercent = 100 };
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[1].HealthStatus = HealthStatus.Unhealthy;
        cluster.CommonLbConfig = new Cluster.Types.CommonLbConfig { HealthyPanicThreshold = new Envoy.Type.V3.Percent() };
        Assert.Empty(fixture.Apply(cluster));
        Assert.Empty(fixture.Apply(TransportFixture.TcpListener("l", "c")));
        var client = new TestClient(await TestPeers.ConnectAsync(loop, fixture.AddressOf("l")));
        TestClient server = await upstream.AcceptAsync();
        await client.SendAsync("to");
        Assert.Equal("to", await server.ReadBytesAsync(2));
        Host host = fixture.Context.Clusters.Reference("c").Current!.Hosts.All[0];
        for (int i = 0; i < 5; i++)
        {
            host.Monitor.OnStatus(500, loop.NowMilliseconds);
        }

        await TestPeers.UntilAsync(loop, () => host.IsUnhealthy);
        if (asked)
        {
            Assert.Equal("", await client.ReadToEndAsync());
            Assert.Equal("", await server.ReadToEndAsync());
            return;
        }

        await server.SendAsync("fro");
        Assert.Equal("fro", await client.ReadBytesAsync(3));
    });
}
