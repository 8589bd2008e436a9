using System.Globalization;
using System.Text;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Serving.PushScene;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>A whole data plane under a control plane that pushes good and bad resources, dies and returns.</summary>
public sealed class PushedConfigTests
{
    private const string HiddenStatistics = "stats_config: {stats_matcher: {reject_all: true}}\n";

    [Fact]
    public void BadResources_AreNackedByNameAndField_GoodOnesServe() => Run(async (loop, app, control) =>
    {
        var badCluster = new Cluster { Name = "bad", TransportSocket = new TransportSocket { Name = "odd", TypedConfig = Any.Pack(new Empty()) } };
        Push(control, "1", new Cluster { Name = "good" }, badCluster);
        DeltaDiscoveryRequest nack = await AnswerAsync(loop, control, "CDS", "1");
        Assert.Equal(
            "CDS resource 'bad': transport_socket: extension 'odd' has type 'google.protobuf.Empty', which Pilotfish does not have in this place",
            nack.ErrorDetail.Message);
        Assert.Contains(app.Clusters.Active, static cluster => cluster.Name == "good");

        Listener badListener = HttpListener("worse");
        badListener.FilterChains[0].Filters[0].TypedConfig = Any.Pack(new Empty());
        Push(control, "1", HttpListener("good"), badListener);
        nack = await AnswerAsync(loop, control, "LDS", "1");
        Assert.StartsWith("LDS resource 'worse': filter_chains[0].filters[0].typed_config: ", nack.ErrorDetail.Message);

        await UntilAskedAsync(loop, control, "RDS");
        Push(control, "1", Routes("one"));
        Assert.Null((await AnswerAsync(loop, control, "RDS", "1")).ErrorDetail);
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("good").Count == 1);
        Assert.Equal("one", await AskAsync(loop, app));

        // A bad version of what serves: refused by its field, and the last good one stays.
        RouteConfiguration bad = Routes("two");
        bad.VirtualHosts[0].Routes[0].Match = new RouteMatch { SafeRegex = new Envoy.Type.Matcher.V3.RegexMatcher { Regex = "(" } };
        Push(control, "2", bad);
        nack = await AnswerAsync(loop, control, "RDS", "2");
        Assert.StartsWith("RDS resource 'r': virtual_hosts[0].routes[0].match.safe_regex", nack.ErrorDetail.Message);
        Assert.Equal("one", await AskAsync(loop, app));
    });

    [Fact]
    public void ControlPlane_DiesAndReturns_TrafficGoesOnAndConfigConverges() => Run(async (loop, app, control) =>
    {
        Push(control, "1", new Cluster { Name = "good" });
        await AnswerAsync(loop, control, "CDS", "1");
        Push(control, "1", HttpListener("good"));
        await AnswerAsync(loop, control, "LDS", "1");
        await UntilAskedAsync(loop, control, "RDS");
        Push(control, "1", Routes("one"));
        await AnswerAsync(loop, control, "RDS", "1");
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("good").Count == 1);
        Assert.Equal("one", await AskAsync(loop, app));

        // The next stream may come on the connection that still stands, before anything below has run.
        int asked = control.Requests.Count;
        control.Refuses = true;
        control.EndStream();
        await TestPeers.UntilAsync(loop, () => app.Stats.Value(app.Stats.Scope("cluster_manager.cds").Counter("update_failure")) > 0);
        Assert.Equal("one", await AskAsync(loop, app));

        // What changed meanwhile comes on the new stream, which tells the versions it holds.
        control.Refuses = false;
        await TestPeers.UntilAsync(loop, () => control.Requests.Skip(asked).Any(static r => r.TypeUrl == ResourceType.Route.TypeUrl));
        DeltaDiscoveryRequest again = control.Requests.Skip(asked).First(static r => r.TypeUrl == ResourceType.Route.TypeUrl);
        Assert.Equal("1", again.InitialResourceVersions["r"]);
        Push(control, "2", Routes("two"));
        await AnswerAsync(loop, control, "RDS", "2");
        Assert.Equal("two", await AskAsync(loop, app));
    });

    /// <summary>As under Istio's bootstrap, which shows no statistics of outbound clusters: the cluster rests until the first request.</summary>
    [Fact]
    public void Cluster_ThatRests_ServesItsFirstRequestAndFollowsItsEndpoints() => Run(HiddenStatistics, async (loop, app, control) =>
    {
        using var one = new TestUpstream(loop);
        using var two = new TestUpstream(loop);
        var cluster = new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.Eds,
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } },
        };
        Push(control, "1", cluster);
        await UntilAskedAsync(loop, control, "EDS");
        Push(control, "1", TransportFixture.Assignment("c", one.Address));
        Assert.Null((await AnswerAsync(loop, control, "EDS", "1")).ErrorDetail);
        Push(control, "1", HttpListener("good"));
        await UntilAskedAsync(loop, control, "RDS");
        RouteConfiguration routes = Routes("");
        routes.VirtualHosts[0].Routes[0].Route_ = new RouteAction { Cluster = "c" };
        Push(control, "1", routes);
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("good").Count == 1);

        Assert.Equal("one", await AskAsync(loop, app, one, "one"));

        Push(control, "2", TransportFixture.Assignment("c", two.Address));
        Assert.Null((await AnswerAsync(loop, control, "EDS", "2")).ErrorDetail);
        Assert.Equal("two", await AskAsync(loop, app, two, "two"));
        Assert.Equal(two.Address, Assert.Single(app.Clusters.Active.Single(static c => c.Name == "c").Hosts.All).Address);
    });

    private static async Task<string> AskAsync(EventLoop loop, ProxyApp app)
    {
        var client = new TestClient(await TestPeers.ConnectAsync(loop, app.Listeners.BoundAddresses("good")[0]));
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", await client.ReadHeadAsync());
        string body = await client.ReadToEndAsync();
        client.Stream.Close();
        return body;
    }

    private static async Task<string> AskAsync(EventLoop loop, ProxyApp app, TestUpstream upstream, string body)
    {
        Task<string> answer = AskAsync(loop, app);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        return await answer;
    }
}
