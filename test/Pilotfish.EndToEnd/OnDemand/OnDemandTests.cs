using System.Globalization;
using System.Net;
using Pilotfish.EndToEnd.Faults;

namespace Pilotfish.EndToEnd.OnDemand;

/// <summary>`serve` with several workers whose virtual hosts and clusters come when requests need them, over gRPC's own server.</summary>
public sealed class OnDemandTests
{
    private const int Workers = 3;
    private const int Hosts = 25;
    private const int RequestsPerHost = 8;

    private const string Bootstrap = """
        node: {id: n, cluster: c}
        dynamic_resources:
          ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
        static_resources:
          listeners:
          - name: front
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  rds: {route_config_name: r, config_source: {ads: {}, resource_api_version: V3}}
                  http_filters:
                  - name: on_demand
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand, odcds: {source: {ads: {}, resource_api_version: V3}, timeout: 600s}}
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          clusters:
          - name: xds
            type: STATIC
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]}

        """;

    [Fact]
    public async Task Requests_OfManyClients_GetHostsAndClustersThatNobodyKnew()
    {
        await using DemandedControlPlane control = await DemandedControlPlane.StartAsync();
        string bootstrap = Bootstrap.Replace("PORT", control.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        using ServeProcess serve = await ServeProcess.StartAsync(bootstrap, Workers);
        IPEndPoint front = await serve.ListenerAsync("front");
        using var client = new HttpClient { BaseAddress = new Uri($"http://{front}") };

        List<(string Host, Task<string> Answer)> asked = [];
        for (int i = 0; i < RequestsPerHost; i++)
        {
            for (int host = 0; host < Hosts; host++)
            {
                asked.Add(($"h{host}.test", AskAsync(client, $"h{host}.test", bytes: i % 2 == 0 ? 0 : 300_000)));
            }

            asked.Add(("404", AskAsync(client, "nobody.test", 0)));
            asked.Add(("503", AskAsync(client, "lost.test", 0)));
        }

        foreach ((string expected, Task<string> answer) in asked)
        {
            Assert.StartsWith(expected, await answer, StringComparison.Ordinal);
        }

        // One question served them all, whichever worker they came to.
        for (int host = 0; host < Hosts; host++)
        {
            Assert.Equal((1, 1), (control.Asked[$"r/h{host}.test"], control.Asked[$"to h{host}.test"]));
        }

        Assert.True(control.Asked["r/nobody.test"] >= 1);
        while (await serve.StatAsync("http.h.downstream_rq_active") > 0)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        // What the control plane takes away is asked for again.
        await control.RemoveAsync("h0.test");
        Assert.Equal("h0.test 0", await AskUntilAsync(client, "h0.test", () => control.Asked["r/h0.test"] == 2));
    }

    private static async Task<string> AskUntilAsync(HttpClient client, string host, Func<bool> condition)
    {
        string answer;
        do
        {
            answer = await AskAsync(client, host, 0);
        }
        while (!condition());
        return answer;
    }

    private static async Task<string> AskAsync(HttpClient client, string host, int bytes)
    {
        using var request = new HttpRequestMessage(bytes == 0 ? HttpMethod.Get : HttpMethod.Post, new Uri("/", UriKind.Relative));
        request.Headers.Host = host;
        if (bytes > 0)
        {
            request.Content = new ByteArrayContent(new byte[bytes]);
        }

        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        string body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return response.IsSuccessStatusCode ? body : ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
    }
}
