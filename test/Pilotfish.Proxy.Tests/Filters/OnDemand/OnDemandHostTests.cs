using System.Text;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.Fault;
using Pilotfish.Proxy.Filters.RequestBuffer;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Routing.Discovery;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Routing.Discovery.VhdsScene;

namespace Pilotfish.Proxy.Tests.Filters.OnDemand;

/// <summary>on_demand and VHDS: requests for hosts that are not known yet.</summary>
public sealed class OnDemandHostTests
{
    [Fact]
    public void Request_ForAnUnknownHost_WaitsForIt_AndIsServed() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]");
        TestClient client = scene.Bench.Connect();
        Task<string> answer = AskAsync(client, "A.com:8080");
        await scene.AskedAsync("r/a.com:8080");
        Assert.False(answer.IsCompleted);
        Assert.Empty(scene.Hosts.Send(Resource(Host("r/one", "'a.com:8080'", "a"), "r/a.com:8080")));
        Assert.Equal("a", await answer);

        // It is known now, as is the configuration's own.
        Assert.Equal(("a", "own"), (await AskAsync(client, "a.com:8080"), await AskAsync(client, "own.com")));
        Assert.Single(scene.Hosts.Asked);
        Assert.Equal(2, scene.Bench.Counter("http.test.vhds.r.update_attempt"));
    });

    [Fact]
    public void Request_BeginsAnewWithItsRoute_AndBothAreLogged() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Task<string> answer = scene.AskAsync("a.com");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal("a", await answer);
        await scene.UntilAsync(() => scene.Bench.Logged.Count == 2);
        Assert.Equal([(0, "internal_redirect"), (200, "direct_response")], scene.Bench.Logged.Select(static r => (r.Status, r.Details)));
        Assert.Equal(2, scene.Bench.Counter("http.test.downstream_rq_total"));
        Assert.Equal(0, scene.Bench.Stats.Value(scene.Bench.Stats.Scope("http.test").Gauge("downstream_rq_active")));
    });

    [Theory]
    [InlineData("empty resource")]
    [InlineData("empty resource with the name as its alias")]
    [InlineData("removal")]
    [InlineData("another host under its alias")]
    [InlineData("refused host")]
    public void Host_ThatIsNotThere_Is404_AndAskedForAgainByTheNextRequest(string how) => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        Task<string> answer = AskAsync(client, "a.com");
        await scene.AskedAsync("r/a.com");
        switch (how)
        {
            case "empty resource":
                scene.Hosts.Send(Nothing("r/a.com"));
                break;
            case "empty resource with the name as its alias":
                scene.Hosts.Send(Nothing("r/cannot-resolve", "r/a.com"));
                break;
            case "removal":
                scene.Hosts.Send([], "r/a.com");
                break;
            case "another host under its alias":
                scene.Hosts.Send(Resource(Host("r/b", "b.com", "b"), "r/a.com"));
                break;
            default:
                Assert.Single(scene.Hosts.Send(Resource(Host("r/a.com", "a.com, a.com", "a"))));
                break;
        }

        Assert.Equal("404", await answer);
        Assert.Equal("NR", Assert.Single(scene.Bench.Logged).Flags);
        if (how.StartsWith("empty", StringComparison.Ordinal))
        {
            Assert.Equal(1, scene.Bench.Counter("http.test.vhds.r.update_empty"));
        }

        if (how != "another host under its alias")
        {
            Task<string> again = AskAsync(client, "a.com");
            await scene.AskedAsync("r/a.com", times: 2);
            scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "at last")));
            Assert.Equal("at last", await again);
        }
    });

    [Fact]
    public void Requests_ForOneHost_ShareOneQuestion() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Task<string>[] answers = [.. Enumerable.Range(0, 20).Select(_ => scene.AskAsync("a.com"))];
        Task<string> other = scene.AskAsync("b.com");
        await scene.AskedAsync("r/b.com");
        Assert.Equal(["r/a.com", "r/b.com"], scene.Hosts.Asked.Order());
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.All(await Task.WhenAll(answers), static answer => Assert.Equal("a", answer));
        Assert.False(other.IsCompleted);
        scene.Hosts.Send(Nothing("r/b.com"));
        Assert.Equal("404", await other);
    });

    [Fact]
    public void Client_ThatGoesAway_LeavesNothingBehind_AndTheHostComesAllTheSame() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        TestClient gone = scene.Bench.Connect();
        await gone.SendAsync("POST / HTTP/1.1\r\nhost: a.com\r\ncontent-length: 10\r\n\r\n12345");
        await scene.AskedAsync("r/a.com");
        gone.Stream.Close();
        await scene.UntilAsync(() => scene.Bench.Logged.Count == 1);
        Assert.Equal("downstream_remote_disconnect", scene.Bench.Logged[0].Details);
        // The recording filter stands behind the one that held the request, and hears of its end.
        Assert.Single(scene.Bench.Recorded);

        Task<string> later = scene.AskAsync("a.com");
        await scene.AskedAsync("r/a.com", times: 2);
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal("a", await later);
        Assert.Equal("a", await scene.AskAsync("a.com"));
    });

    [Fact]
    public void Server_ThatNeverAnswers_LeavesTheRequestToItsTimeouts()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var scene = new VhdsScene(loop, static hcm => hcm.StreamIdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(7)));
            scene.Begin();
            Task<string> answer = scene.AskAsync("a.com");
            await scene.AskedAsync("r/a.com");
            clock.AdvanceMilliseconds(6_900);
            await loop.YieldAsync();
            Assert.False(answer.IsCompleted);
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return answer.IsCompleted;
            });
            Assert.Equal("504", await answer);
            Assert.Equal("stream_idle_timeout", Assert.Single(scene.Bench.Logged).Details);
            Assert.Single(scene.Bench.Recorded);

            // The answer that comes after all finds nobody, and serves the next.
            scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "late")));
            Assert.Equal("late", await scene.AskAsync("a.com"));
        });
    }

    [Fact]
    public void Body_OfAWaitingRequest_IsHeldToItsEnd_AndForwarded() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(loop);
        scene.Bench.AddCluster("backend", upstream.Address);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        await client.SendAsync("POST /x HTTP/1.1\r\nhost: a.com\r\ncontent-length: 10\r\n\r\n0123456789");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Forwarding));
        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("POST /x", await server.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("0123456789", await server.ReadBytesAsync(10));
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup");
        Assert.Equal("up", await ReadAsync(client));
    });

    [Fact]
    public void Body_ThatIsNotWholeYet_GoesOnWithTheRoute() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(loop);
        scene.Bench.AddCluster("backend", upstream.Address);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        await client.SendAsync("POST /x HTTP/1.1\r\nhost: a.com\r\ncontent-length: 10\r\n\r\n01234");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Forwarding));
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal("01234", await server.ReadBytesAsync(5));
        await client.SendAsync("56789");
        Assert.Equal("56789", await server.ReadBytesAsync(5));
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup");
        Assert.Equal("up", await ReadAsync(client));
        await scene.UntilAsync(() => scene.Bench.Logged.Count == 1);
        Assert.Equal(1, scene.Bench.Counter("http.test.downstream_rq_total"));
    });

    [Fact]
    public void Body_ThatAnEarlierFilterHeld_BeginsAnewWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(
            loop,
            static hcm => hcm.HttpFilters.Insert(0, ProxyBench.Filter("buffer", new Envoy.Extensions.Filters.Http.Buffer.V3.Buffer { MaxRequestBytes = 1000 })),
            static bench => bench.Context.Extensions.Register<IHttpFilterFactory>(new BufferFilterFactory()));
        scene.Bench.AddCluster("backend", upstream.Address);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        await client.SendAsync("POST /x HTTP/1.1\r\nhost: a.com\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n");
        Assert.Empty(scene.Hosts.Asked);
        await client.SendAsync("5\r\n56789\r\n0\r\n\r\n");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Forwarding));
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("content-length: 10\r\n", await server.ReadHeadAsync(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("0123456789", await server.ReadBytesAsync(10));
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup");
        Assert.Equal("up", await ReadAsync(client));
    });

    [Theory]
    [InlineData("", true)]
    [InlineData(", upgrade_configs: [{upgrade_type: websocket, enabled: false}]", false)]
    public void Upgrade_OfAnUnknownHost_IsItsRoutesToAllow(string route, bool allowed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(loop, static hcm => hcm.UpgradeConfigs.Add(new Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.UpgradeConfig
        {
            UpgradeType = "websocket",
        }));
        scene.Bench.AddCluster("backend", upstream.Address);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        await client.SendAsync("GET /x HTTP/1.1\r\nhost: a.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nearly");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Messages.Parse<VirtualHost>(
            $"{{name: r/a.com, domains: [a.com], routes: [{{match: {{prefix: /}}, route: {{cluster: backend{route}}}}}]}}")));
        if (!allowed)
        {
            Assert.Equal("403", await ReadAsync(client));
            return;
        }

        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello");
        Assert.StartsWith("HTTP/1.1 101", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal(("hello", "early"), (await client.ReadBytesAsync(5), await server.ReadBytesAsync(5)));
    });

    [Fact]
    public void Body_BeyondTheBufferLimit_StopsTheClient_UntilTheHostIsHere() => LoopRunner.Run(async loop =>
    {
        const int Megabytes = 8;
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(loop);
        scene.Bench.AddCluster("backend", upstream.Address);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        string body = new('x', Megabytes * 1024 * 1024);
        Task sent = client.SendAsync($"POST /x HTTP/1.1\r\nhost: a.com\r\ncontent-length: {body.Length}\r\n\r\n{body}");
        await scene.AskedAsync("r/a.com");
        for (int i = 0; i < 1000; i++)
        {
            await loop.YieldAsync();
        }

        Assert.False(sent.IsCompleted);
        scene.Hosts.Send(Resource(Forwarding));
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal(body.Length, (await server.ReadBytesAsync(body.Length)).Length);
        await sent;
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup");
        Assert.Equal("up", await ReadAsync(client));
    });

    [Fact]
    public void Http2Requests_WithBodiesAndTrailers_AreServedEach() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop, static hcm => hcm.CodecType = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.CodecType.Http2);
        scene.Begin();
        var client = new Http2Peer(scene.Bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.com"));
        await client.DataAsync(1, "hello", end: false);
        await client.HeadersAsync(1, end: true, ("x-trailer", "t"));
        await client.HeadersAsync(3, end: true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "b.com"));
        await scene.AskedAsync("r/b.com");
        scene.Hosts.Send(Resource(Host("r/b.com", "b.com", "b")));
        Assert.Equal((3, "200"), await ReadStatusAsync(client));
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal((1, "200"), await ReadStatusAsync(client));
    });

    [Fact]
    public void Config_PushedInTheWait_ThatHasTheHost_ServesTheRequest() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Task<string> byRoutes = scene.AskAsync("a.com");
        await scene.AskedAsync("r/a.com");
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "a.com", "by RDS")}]");
        Assert.Equal("by RDS", await byRoutes);

        // A push of the server's own accord, without a word about the name that was asked for.
        Task<string> byHosts = scene.AskAsync("x.b.com");
        await scene.AskedAsync("r/x.b.com");
        scene.Hosts.Send(Resource(Host("r/wild", "'*.b.com'", "wild")));
        Assert.Equal("wild", await byHosts);
    });

    [Fact]
    public void Config_PushedInTheWait_WithoutTheHost_LetsTheRequestWaitOn() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{{name: all, domains: ['*']}}]");
        Task<string> answer = scene.AskAsync("a.com");
        await scene.AskedAsync("r/a.com");
        scene.PushRoutes($"virtual_hosts: [{{name: all, domains: ['*']}}, {HostYaml("own", "own.com", "own")}]");
        scene.Hosts.Send(Resource(Host("r/b.com", "b.com", "b")));
        Assert.Equal("own", await scene.AskAsync("own.com"));
        Assert.False(answer.IsCompleted);
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal("a", await answer);
    });

    [Theory]
    [InlineData("vhds is taken away")]
    [InlineData("the routes are removed")]
    [InlineData("the connection manager goes")]
    public void Discovery_ThatEndsInTheWait_LetsTheRequestGo(string how) => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Task<string> answer = scene.AskAsync("a.com");
        await scene.AskedAsync("r/a.com");
        switch (how)
        {
            case "vhds is taken away":
                scene.PushRoutes("", "");
                break;
            case "the routes are removed":
                scene.Bench.Subscriptions.Subscribers[0].Consumer.OnRemoved("r");
                break;
            default:
                scene.Bench.DisposeChain();
                break;
        }

        Assert.Equal("404", await answer);
        Assert.Equal(["r/a.com"], scene.Hosts.GivenUp);
    });

    [Fact]
    public void Path_WithoutARoute_OnAHostThatWasAskedFor_Is404_WithoutAQuestion() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        VirtualHost host = Messages.Parse<VirtualHost>("{name: r/a.com, domains: [a.com], routes: [{match: {prefix: /in}, direct_response: {status: 200}}]}");
        Task<string> answer = AskAsync(client, "a.com", "/out");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(host));
        Assert.Equal("404", await answer);
        Assert.Equal(("404", ""), (await AskAsync(client, "a.com", "/out"), await AskAsync(client, "a.com", "/in")));
        Assert.Single(scene.Hosts.Asked);
    });

    [Fact]
    public void Host_OfACatchAllWithoutARoute_IsAskedFor() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin("virtual_hosts: [{name: all, domains: ['*'], routes: [{match: {path: /health}, direct_response: {status: 200}}]}]");
        TestClient client = scene.Bench.Connect();
        Assert.Equal("", await AskAsync(client, "a.com", "/health"));
        Assert.Empty(scene.Hosts.Asked);
        Task<string> answer = AskAsync(client, "a.com");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal("a", await answer);
    });

    [Theory]
    [InlineData("a.com/b")]
    [InlineData("")]
    public void Host_ThatCannotBeAName_IsNotAskedFor(string host)
    {
        Assert.Null(DiscoveredHosts.HostOf(Encoding.ASCII.GetBytes(host)));
        Assert.Null(DiscoveredHosts.HostOf(new byte[600].AsSpan()));
        Assert.Null(DiscoveredHosts.HostOf("\u00e4.com"u8));
        Assert.Equal("a.com:1", DiscoveredHosts.HostOf("A.com:1"u8));
    }

    [Fact]
    public void Names_ThatLeadNowhere_StaySubscribed_UpToABound() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        for (int i = 0; i <= DiscoveredHosts.AbsentNamesMax; i++)
        {
            Task<string> answer = AskAsync(client, $"h{i}");
            await scene.AskedAsync($"r/h{i}");
            scene.Hosts.Send(Nothing($"r/h{i}"));
            Assert.Equal("404", await answer);
        }

        Assert.Equal(["r/h0"], scene.Hosts.GivenUp);

        // One that appears of itself is served, and no longer counts.
        scene.Hosts.Send(Resource(Host("r/h1", "h1", "here")));
        Assert.Equal("here", await AskAsync(client, "h1"));
        Task<string> more = AskAsync(client, "more");
        await scene.AskedAsync("r/more");
        scene.Hosts.Send(Nothing("r/more"));
        Assert.Equal("404", await more);
        Assert.Equal(["r/h0"], scene.Hosts.GivenUp);
    });

    [Fact]
    public void Hosts_ThatAreWaitedFor_AreBounded() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        var discovered = Assert.Single(scene.Bench.Context.VirtualHosts.Users);
        int released = 0;
        for (int i = 0; i <= DiscoveredHosts.WaitingHostsMax; i++)
        {
            discovered.PostDemand($"h{i}", null, loop, _ => released++, new object());
        }

        await scene.UntilAsync(() => released > 0);
        Assert.Equal((1, DiscoveredHosts.WaitingHostsMax), (released, scene.Hosts.Asked.Count));
    });

    [Fact]
    public void FiltersBehindIt_AreThoseOfTheRouteThatCame() => LoopRunner.Run(async loop =>
    {
        const string Fault =
            "typed_per_filter_config: {fault: {'@type': type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, abort: {http_status: 418, percentage: {numerator: 100}}}}, ";
        var scene = new VhdsScene(loop, static hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("fault", new HTTPFault())), static bench =>
        {
            var fault = new FaultFilterFactory();
            bench.Context.Extensions.Register<IHttpFilterFactory>(fault);
            bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(fault);
        });
        scene.Begin();
        TestClient client = scene.Bench.Connect();
        await client.SendAsync("POST /x HTTP/1.1\r\nhost: a.com\r\ncontent-length: 10\r\n\r\n01234");
        await scene.AskedAsync("r/a.com");
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a", Fault)));
        Assert.Equal("418", await ReadAsync(client));
    });

    private static VirtualHost Forwarding => Messages.Parse<VirtualHost>(
        "{name: r/a.com, domains: [a.com], routes: [{match: {prefix: /}, route: {cluster: backend}}]}");

    private static async Task<(int Stream, string Status)> ReadStatusAsync(Http2Peer client)
    {
        (int stream, _, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        return (stream, fields[":status"]);
    }
}
