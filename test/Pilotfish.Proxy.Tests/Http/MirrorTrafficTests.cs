using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;
using Policy = Envoy.Config.Route.V3.RouteAction.Types.RequestMirrorPolicy;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What of a request is mirrored and when, which level's policies count, and that the request itself never notices.</summary>
public sealed class MirrorTrafficTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    /// <summary>Which levels have a policy of their own, and whose counts: they are not merged.</summary>
    [Theory]
    [InlineData(true, true, true, "route")]
    [InlineData(false, true, true, "host")]
    [InlineData(false, false, true, "config")]
    [InlineData(false, false, false, null)]
    public void Policies_OfTheMostSpecificLevel_Count(bool ofRoute, bool ofHost, bool ofConfig, string? expected) => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", main.Address);
        foreach (string name in (string[])["route", "host", "config"])
        {
            bench.AddCluster(name, mirror.Address);
        }

        var route = new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() } };
        var host = new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } };
        var routes = new RouteConfiguration { VirtualHosts = { host } };
        Add(ofRoute, route.Route_.RequestMirrorPolicies, "route");
        Add(ofHost, host.RequestMirrorPolicies, "host");
        Add(ofConfig, routes.RequestMirrorPolicies, "config");
        bench.Serve(routes);
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await (await main.AcceptAsync()).ReadHeadAsync();
        foreach (string name in (string[])["route", "host", "config"])
        {
            Assert.Equal(name == expected ? 1 : 0, bench.Counter($"cluster.{name}.upstream_cx_total"));
        }

        static void Add(bool wanted, IList<Policy> policies, string cluster)
        {
            if (wanted)
            {
                policies.Add(new Policy { Cluster = cluster });
            }
        }
    });

    [Fact]
    public void Body_InPieces_AndTrailers_AreCopied() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror.Address, static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        TestClient server = await main.AcceptAsync();
        await server.ReadUntilAsync("one\r\n");
        await client.SendAsync("3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n");
        TestClient shadow = await mirror.AcceptAsync();
        await shadow.ReadHeadAsync();
        string copy = await shadow.ReadUntilAsync("\r\n\r\n");
        Assert.Equal("onetwo", string.Concat(copy.Split("\r\n").Where(static line => line is "one" or "two" or "onetwo")));
        Assert.EndsWith("0\r\nx-sum: 6\r\n\r\n", copy);
        Assert.EndsWith("0\r\nx-sum: 6\r\n\r\n", await server.ReadUntilAsync("\r\n\r\n"));
    });

    [Fact]
    public void Trailers_WithoutBody_AreCopied() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror.Address, static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });
        await bench.Connect().SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-sum: 0\r\n\r\n");
        TestClient shadow = await mirror.AcceptAsync();
        await shadow.ReadHeadAsync();
        Assert.Equal("0\r\nx-sum: 0\r\n\r\n", await shadow.ReadUntilAsync("\r\n\r\n"));
    });

    [Theory]
    [InlineData("upgrade", "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n")]
    public void Tunnels_AreNotMirrored(string label, string request) => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror.Address, static hcm =>
        {
            hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
            hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" });
        }, label == "CONNECT" ? static route => route.Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() } : null);
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(label == "CONNECT" ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        await client.ReadHeadAsync();
        await client.SendAsync("bytes");
        Assert.Equal("bytes", await server.ReadBytesAsync(5));
        Assert.Equal(0, bench.Counter("cluster.mirror.upstream_cx_total"));
    });

    // Half a request would be worse than none.
    [Fact]
    public void Body_LargerThanTheBuffer_IsNotMirrored() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror.Address, null, static route => route.RequestBodyBufferLimit = 4);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal("12345", await server.ReadBytesAsync(5));
        await server.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(0, bench.Counter("cluster.mirror.upstream_cx_total"));
        Assert.Equal(1, bench.Counter("cluster.backend.retry_or_shadow_abandoned"));
    });

    [Theory]
    [InlineData("no such cluster")]
    [InlineData("no host")]
    [InlineData("refuses")]
    [InlineData("closes")]
    [InlineData("is no server")]
    public void Mirror_ThatFails_IsNobodysBusiness(string fault) => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        if (fault == "refuses")
        {
            mirror.Dispose();
        }

        ProxyBench bench = Bench(loop, main, fault is "no such cluster" or "no host" ? null : mirror.Address, null, route =>
        {
            route.Route_.RequestMirrorPolicies[0].Cluster = fault == "no such cluster" ? "gone" : "mirror";
            route.Route_.RetryPolicy = new Envoy.Config.Route.V3.RetryPolicy { RetryOn = "5xx" };
        });
        TestClient client = bench.Connect();
        TestClient? server = null;
        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            if (fault is "closes" or "is no server")
            {
                TestClient shadow = await mirror.AcceptAsync();
                await shadow.ReadHeadAsync();
                await shadow.SendAsync(fault == "closes" ? "" : "SSH-2.0-x\r\n\r\n");
                shadow.Stream.Close();
            }

            server ??= await main.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
            Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        }

        Assert.Equal(0, bench.Counter("cluster.backend.upstream_rq_retry"));
        Assert.All(bench.Recorded, static record => Assert.Equal(("via_upstream", "-"), (record.Details, record.Flags)));
    });

    // The route's timeout counts for the copy, too, and as for the request from its end.
    [Fact]
    public void Mirror_ThatIsSilent_IsGivenUpAfterTheRoutesTimeout() => WithClock(async (loop, clock) =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror.Address, null, static route => route.Route_.Timeout = new Duration { Seconds = 1 });
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadBytesAsync(2);
        clock.AdvanceMilliseconds(5000);
        await loop.YieldAsync();
        await client.SendAsync("dy");
        TestClient shadow = await mirror.AcceptAsync();
        await shadow.ReadHeadAsync();
        Assert.Equal("body", await shadow.ReadBytesAsync(4));
        await server.ReadBytesAsync(2);
        await server.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        clock.AdvanceMilliseconds(1001);
        Assert.Equal("", await shadow.ReadToEndAsync());
    });

    private static ProxyBench Bench(
        EventLoop loop, TestUpstream main, NetAddress? mirror, Action<HttpConnectionManager>? configure = null, Action<Route>? configureRoute = null)
    {
        var bench = new ProxyBench(loop);
        bench.AddTrailerCluster("backend", main.Address);
        bench.AddTrailerCluster("mirror", mirror is { } address ? [address] : []);
        bench.Serve(configure, route =>
        {
            route.Route_.RequestMirrorPolicies.Add(new Policy { Cluster = "mirror" });
            configureRoute?.Invoke(route);
        });
        return bench;
    }

    private static void WithClock(Func<EventLoop, ManualLoopClock, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(loop, clock));
    }
}
