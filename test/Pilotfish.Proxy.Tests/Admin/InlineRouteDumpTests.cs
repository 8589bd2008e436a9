using System.Text.Json;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Admin;

/// <summary>/config_dump shows route configurations and scopes that stand in connection managers, as Envoy does.</summary>
public sealed class InlineRouteDumpTests
{
    private const string Router = """http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]""";

    private const string Bootstrap = $$$"""
        node: {id: n, cluster: c}
        static_resources:
          listeners:
          - name: two
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - name: first
              filter_chain_match: {application_protocols: [a]}
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  {{{Router}}}
                  route_config: {name: r1, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}
            default_filter_chain:
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/xds.type.v3.TypedStruct
                  type_url: type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  value:
                    stat_prefix: h
                    http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
                    route_config: {name: r2, virtual_hosts: [{name: w, domains: ['*']}]}
          - name: one
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  {{{Router}}}
                  route_config: {virtual_hosts: [{name: nameless, domains: ['*']}]}
          - name: scoped
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  {{{Router}}}
                  scoped_routes:
                    name: byname
                    scope_key_builder: {fragments: [{header_value_extractor: {name: x-scope, index: 0}}]}
                    scoped_route_configurations_list:
                      scoped_route_configurations:
                      - {name: s, key: {fragments: [{string_key: k}]}, route_configuration: {name: inner, virtual_hosts: [{name: u, domains: ['*']}]}}
        """;

    [Fact]
    public void EachConnectionManager_ShowsItsRoutes_AndScopesStandApart() => LoopRunner.Run(async loop =>
    {
        using var bench = new AdminBench(loop, Bootstrap);
        using JsonDocument all = JsonDocument.Parse((await bench.GetAsync("/config_dump?resource=static_route_configs")).Body);
        JsonElement configs = all.RootElement.GetProperty("configs");
        Assert.Equal(["", "r1", "r2"], configs.EnumerateArray().Select(static config => NameOf(config.GetProperty("route_config"))));
        JsonElement routes = configs[1].GetProperty("route_config");
        Assert.Equal("type.googleapis.com/envoy.config.route.v3.RouteConfiguration", routes.GetProperty("@type").GetString());
        Assert.Equal("v", NameOf(routes.GetProperty("virtual_hosts")[0]));
        Assert.True(configs[1].GetProperty("last_updated").GetDateTimeOffset() > DateTimeOffset.UnixEpoch);

        using JsonDocument scopes = JsonDocument.Parse((await bench.GetAsync("/config_dump?resource=inline_scoped_route_configs")).Body);
        JsonElement scoped = Assert.Single(scopes.RootElement.GetProperty("configs").EnumerateArray());
        Assert.Equal("byname", NameOf(scoped));
        Assert.Equal("s", NameOf(Assert.Single(scoped.GetProperty("scoped_route_configs").EnumerateArray())));
    });

    [Theory]
    [InlineData("r2", "r2")]
    [InlineData("r.", "r1,r2")]
    [InlineData("two", "")]
    public void NameRegex_IsOfTheRouteConfiguration(string expression, string names) => LoopRunner.Run(async loop =>
    {
        using var bench = new AdminBench(loop, Bootstrap);
        using JsonDocument dump = JsonDocument.Parse(
            (await bench.GetAsync("/config_dump?resource=static_route_configs&name_regex=" + expression)).Body);
        string[] shown = dump.RootElement.TryGetProperty("configs", out JsonElement configs)
            ? [.. configs.EnumerateArray().Select(static config => NameOf(config.GetProperty("route_config")))]
            : [];
        Assert.Equal(names, string.Join(',', shown));
    });

    private static string NameOf(JsonElement element) => element.TryGetProperty("name", out JsonElement name) ? name.GetString()! : "";
}
