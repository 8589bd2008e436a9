using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Runtime.Loops;
using static Pilotfish.Proxy.Tests.Serving.PushScene;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>A WebSocket and a gRPC stream that are under way when routes, endpoints, clusters and listeners change, and when they go.</summary>
public sealed class LongStreamTests
{
    [Fact]
    public void WebSocket_SurvivesEveryPush() => Run(static async (loop, app, control) =>
    {
        using var upstream = new TestUpstream(loop);
        using var other = new TestUpstream(loop);
        await ServeAsync(loop, app, control, upstream, http2: false);
        var client = new TestClient(await TestPeers.ConnectAsync(loop, app.Listeners.BoundAddresses("good")[0]));
        await client.SendAsync(
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 101 ", await client.ReadHeadAsync());
        await PushEverythingAsync(loop, app, control, other, http2: false, async () =>
        {
            await client.SendAsync("ping");
            Assert.Equal("ping", await server.ReadBytesAsync(4));
            await server.SendAsync("pong");
            Assert.Equal("pong", await client.ReadBytesAsync(4));
        });
        client.Stream.Close();
        Assert.Equal("", await server.ReadToEndAsync());
    });

    [Fact]
    public void GrpcStream_SurvivesEveryPush() => Run(static async (loop, app, control) =>
    {
        using var upstream = new TestUpstream(loop);
        using var other = new TestUpstream(loop);
        await ServeAsync(loop, app, control, upstream, http2: true);
        var client = new Http2Peer(await TestPeers.ConnectAsync(loop, app.Listeners.BoundAddresses("good")[0]));
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, (":method", "POST"), (":scheme", "http"), (":path", "/s/m"), (":authority", "a"),
            ("content-type", "application/grpc"), ("te", "trailers"));
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-type", "application/grpc"));
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        await PushEverythingAsync(loop, app, control, other, http2: true, async () =>
        {
            await client.DataAsync(1, "ask", end: false);
            Assert.Equal("ask", await server.ReadBodyAsync(3));
            await server.DataAsync(1, "told", end: false);
            Assert.Equal("told", await client.ReadBodyAsync(4));
        });
        await client.DataAsync(1, "", end: true);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        (int id, bool end, Dictionary<string, string> trailers) = await client.ReadHeadersAsync();
        Assert.Equal((1, true, "0"), (id, end, trailers["grpc-status"]));
    });

    private static async Task ServeAsync(EventLoop loop, ProxyApp app, WireControlPlane control, TestUpstream upstream, bool http2)
    {
        Push(control, "1", Backend(http2, connectSeconds: 5));
        await UntilAskedAsync(loop, control, "EDS");
        Push(control, "1", TransportFixture.Assignment("c", upstream.Address));
        Assert.Null((await AnswerAsync(loop, control, "EDS", "1")).ErrorDetail);
        Push(control, "1", Serving("h"));
        await UntilAskedAsync(loop, control, "RDS");
        Push(control, "1", To("c"));
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("good").Count == 1);
    }

    /// <summary>One push after another, and what is said on the stream after each.</summary>
    private static async Task PushEverythingAsync(
        EventLoop loop, ProxyApp app, WireControlPlane control, TestUpstream other, bool http2, Func<Task> talk)
    {
        await talk();

        // The route is another one.
        Push(control, "2", Routes("gone"));
        Assert.Null((await AnswerAsync(loop, control, "RDS", "2")).ErrorDetail);
        await talk();

        // The host is no longer one of the cluster's.
        Push(control, "2", TransportFixture.Assignment("c", other.Address));
        Assert.Null((await AnswerAsync(loop, control, "EDS", "2")).ErrorDetail);
        await TestPeers.UntilAsync(loop, () => app.Clusters.Active.Single(static c => c.Name == "c").Hosts.All[0].Address == other.Address);
        await talk();

        // The cluster has another configuration, then it is gone.
        Push(control, "2", Backend(http2, connectSeconds: 7));
        Assert.Null((await AnswerAsync(loop, control, "CDS", "2")).ErrorDetail);
        await TestPeers.UntilAsync(
            loop, () => app.Clusters.Active.Single(static c => c.Name == "c").Config.ConnectTimeoutMilliseconds == 7000);
        await talk();
        Remove(control, "CDS", "3", "c");
        await TestPeers.UntilAsync(loop, () => app.Clusters.Active.All(static c => c.Name != "c"));
        await talk();

        // The chain that the connection came through is replaced, then the listener is gone: both drain.
        Push(control, "2", Serving("other"));
        Assert.Null((await AnswerAsync(loop, control, "LDS", "2")).ErrorDetail);
        await talk();
        Remove(control, "LDS", "3", "good");
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("good").Count == 0);
        await talk();
    }

    private static Cluster Backend(bool http2, int connectSeconds)
    {
        var options = new HttpProtocolOptions { ExplicitHttpConfig = new() };
        if (http2)
        {
            options.ExplicitHttpConfig.Http2ProtocolOptions = new();
        }
        else
        {
            options.ExplicitHttpConfig.HttpProtocolOptions = new();
        }

        return new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.Eds,
            ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(connectSeconds)),
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } },
            TypedExtensionProtocolOptions = { ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(options) },
        };
    }

    private static Listener Serving(string statPrefix)
    {
        Listener listener = HttpListener("good");
        HttpConnectionManager manager = listener.FilterChains[0].Filters[0].TypedConfig.Unpack<HttpConnectionManager>();
        manager.StatPrefix = statPrefix;
        manager.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
        listener.FilterChains[0].Filters[0].TypedConfig = Any.Pack(manager);
        return listener;
    }

    private static RouteConfiguration To(string cluster)
    {
        RouteConfiguration routes = Routes("");
        routes.VirtualHosts[0].Routes[0].Route_ = new RouteAction { Cluster = cluster, Timeout = new Duration() };
        return routes;
    }
}
