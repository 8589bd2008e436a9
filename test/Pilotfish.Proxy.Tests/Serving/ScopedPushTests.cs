using System.Text.Json;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>SRDS over ADS into a whole data plane: what is asked for, served, refused and shown.</summary>
public sealed class ScopedPushTests
{
    private const string Front = """
        name: front
        address: {socket_address: {address: 127.0.0.1, port_value: 0}}
        filter_chains:
        - filters:
          - name: http
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: h
              scoped_routes:
                name: byname
                scope_key_builder: {fragments: [{header_value_extractor: {name: x-scope, index: 0}}]}
                rds_config_source: {ads: {}}
                scoped_rds: {scoped_rds_config_source: {ads: {}}}
              http_filters:
              - name: router
                typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
        """;

    [Fact]
    public void Scopes_OverAds_AreServedRefusedAndShown() => PushScene.Run("", "LDS", async (loop, app, control) =>
    {
        PushScene.Push(control, "1", Messages.Parse<Listener>(Front));
        await PushScene.UntilAskedAsync(loop, control, "SRDS");
        Assert.Empty(First(control, "SRDS").ResourceNamesSubscribe);

        PushScene.Push(control, "1", Scope("a", "one", "r1"), Scope("b", "one", "r1"));
        DeltaDiscoveryRequest nack = await PushScene.AnswerAsync(loop, control, "SRDS", "1");
        Assert.Equal(
            "SRDS resource 'b': key: scope key conflict found, first scope is 'a', second scope is 'b'", nack.ErrorDetail.Message);
        await PushScene.UntilAskedAsync(loop, control, "RDS");
        Assert.Equal(["r1"], First(control, "RDS").ResourceNamesSubscribe);
        Assert.Empty(app.Listeners.BoundAddresses("front"));
        PushScene.Push(control, "1", Table("r1", "first"));
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("front").Count == 1);
        Assert.Equal(("first", "404"), (await AskAsync(loop, app, "one"), await AskAsync(loop, app, "two")));

        PushScene.Push(control, "2", Scope("b", "two", "r1"));
        Assert.Null((await PushScene.AnswerAsync(loop, control, "SRDS", "2")).ErrorDetail);
        Assert.Equal(("first", "first"), (await AskAsync(loop, app, "one"), await AskAsync(loop, app, "two")));

        using JsonDocument dump = JsonDocument.Parse(await PushScene.AdminAsync(loop, app, "/config_dump?resource=dynamic_scoped_route_configs"));
        JsonElement section = dump.RootElement.GetProperty("configs")[0];
        Assert.Equal(("byname", "2"), (section.GetProperty("name").GetString(), section.GetProperty("version_info").GetString()));
        Assert.Equal(
            ["a", "b"], section.GetProperty("scoped_route_configs").EnumerateArray().Select(scope => scope.GetProperty("name").GetString()));
        string stats = await PushScene.AdminAsync(loop, app, "/stats?filter=scoped_rds");
        Assert.Contains("http.h.scoped_rds.byname.all_scopes: 2\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.scoped_rds.byname.update_success: 1\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.scoped_rds.byname.update_rejected: 1\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.scoped_rds.byname.config_reload: 2\n", stats, StringComparison.Ordinal);

        PushScene.Remove(control, "SRDS", "3", "a");
        Assert.Null((await PushScene.AnswerAsync(loop, control, "SRDS", "3")).ErrorDetail);
        Assert.Equal(("404", "first"), (await AskAsync(loop, app, "one"), await AskAsync(loop, app, "two")));
    }, usesCds: false);

    [Fact]
    public void StateOfTheWorld_AbsenceRemovesAScope() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var directory = new ScopedRouteDirectory(bench.Context);
        ResourceTable table = new(loop);
        table.SubscribeAll(ResourceType.ScopedRoute, directory, new SubscriptionStats(new StatsStore().Scope("srds")));
        SotwProtocol protocol = new(loop, table, static () => new Envoy.Config.Core.V3.Node { Id = "n" });
        Assert.Empty(Assert.Single(protocol.OnOpen()).ResourceNames);

        Assert.Null(protocol.OnResponse(Arrivals.Of(World("1", Scope("a", "one", "r"), Scope("b", "two", "r")))).ErrorDetail);
        Assert.Equal(["a", "b"], directory.Scopes.Select(s => s.Name));
        Assert.Null(protocol.OnResponse(Arrivals.Of(World("2", Scope("c", "one", "r"), Scope("b", "two", "r")))).ErrorDetail);
        Assert.Equal(["b", "c"], directory.Scopes.Select(s => s.Name).Order());
        return Task.CompletedTask;
    });

    private static DiscoveryResponse World(string version, params ScopedRouteConfiguration[] scopes)
    {
        var response = new DiscoveryResponse { TypeUrl = ResourceType.ScopedRoute.TypeUrl, VersionInfo = version, Nonce = version };
        response.Resources.AddRange(scopes.Select(static scope => Any.Pack(scope)));
        return response;
    }

    private static DeltaDiscoveryRequest First(WireControlPlane control, string type) =>
        control.Requests.First(request => PushScene.Short(request) == type);

    private static ScopedRouteConfiguration Scope(string name, string key, string routes) => Messages.Parse<ScopedRouteConfiguration>(
        $"{{name: {name}, route_configuration_name: {routes}, key: {{fragments: [{{string_key: {key}}}]}}}}");

    private static RouteConfiguration Table(string name, string body) => Messages.Parse<RouteConfiguration>(
        $"{{name: {name}, virtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, body: {{inline_string: {body}}}}}}}]}}]}}");

    private static async Task<string> AskAsync(EventLoop loop, ProxyApp app, string scope)
    {
        var client = new TestClient(await TestPeers.ConnectAsync(loop, app.Listeners.BoundAddresses("front")[0]));
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nx-scope: {scope}\r\nConnection: close\r\n\r\n");
        string head = await client.ReadHeadAsync();
        string body = await client.ReadToEndAsync();
        client.Stream.Close();
        return head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? body : head[9..12];
    }
}
