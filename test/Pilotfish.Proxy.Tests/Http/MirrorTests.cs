using Envoy.Config.Route.V3;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class MirrorTests
{
    [Fact]
    public void Mirror_GetsACopy_ClientGetsTheMainAnswer() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", main.Address);
        bench.AddCluster("mirror", mirror.Address);
        bench.Serve(configureRoute: static route => route.Route_.RequestMirrorPolicies.Add(
            new RouteAction.Types.RequestMirrorPolicy { Cluster = "mirror" }));
        TestClient client = bench.Connect();
        await client.SendAsync("POST /m HTTP/1.1\r\nHost: h:80\r\nContent-Length: 4\r\n\r\nbody");
        TestClient shadow = await mirror.AcceptAsync();
        string head = await shadow.ReadHeadAsync();
        Assert.StartsWith("POST /m HTTP/1.1\r\nhost: h-shadow:80\r\n", head);
        Assert.Equal("body", await shadow.ReadBytesAsync(4));
        await shadow.SendAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });
}
