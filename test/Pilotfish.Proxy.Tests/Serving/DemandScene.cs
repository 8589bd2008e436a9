using System.Globalization;
using System.Text.Json;
using Envoy.Config.Bootstrap.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>
/// A data plane with one HTTP listener and two control planes that it dials over sockets: one for ADS (cluster `xds`), one for streams of their own
/// (cluster `own`).
/// </summary>
internal sealed class DemandScene : IDisposable
{
    /// <summary>A config source of the second control plane.</summary>
    public const string Own =
        "{api_config_source: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: own}}]}}";

    private const string Yaml = """
        node: {id: n, cluster: c}
        dynamic_resources:
          ads_config: {api_type: API, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
          CDS
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
                  ROUTES
                  http_filters:
                  - name: on_demand
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand, FILTER}
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          clusters:
          - name: xds
            type: STATIC
            typed_extension_protocol_options: &h2
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ADSPORT}}}}]}]}
          - name: own
            type: STATIC
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: own, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: OWNPORT}}}}]}]}
        """;

    private readonly EventLoop _loop;
    private readonly List<TestClient> _clients = [];

    /// <param name="loop">The main loop and the only worker's.</param>
    /// <param name="routes">The connection manager's route_specifier.</param>
    /// <param name="filter">Fields of the on-demand filter.</param>
    /// <param name="cds">The bootstrap's cds_config, or nothing.</param>
    /// <param name="api">The dialect of ADS.</param>
    /// <param name="tcp">Fields of a tcp_proxy in the connection manager's place.</param>
    public DemandScene(EventLoop loop, string routes, string filter = "", string cds = "", string api = "DELTA_GRPC", string? tcp = null)
    {
        _loop = loop;
        Ads = new WireControlPlane(loop);
        OwnPlane = new WireControlPlane(loop);
        string yaml = Yaml.Replace("ROUTES", routes, StringComparison.Ordinal).Replace(", FILTER", filter.Length > 0 ? $", {filter}" : "", StringComparison.Ordinal)
            .Replace("CDS", cds, StringComparison.Ordinal).Replace("API", api, StringComparison.Ordinal).Replace("&h2", "", StringComparison.Ordinal)
            .Replace("ADSPORT", Port(Ads), StringComparison.Ordinal).Replace("OWNPORT", Port(OwnPlane), StringComparison.Ordinal);
        Bootstrap bootstrap = Messages.Parse<Bootstrap>(yaml);
        bootstrap.StaticResources.Listeners[0].StatPrefix = "front";
        if (tcp is not null)
        {
            bootstrap.StaticResources.Listeners[0].FilterChains[0].Filters[0].TypedConfig =
                Any.Pack(Messages.Parse<Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy>($"{{stat_prefix: t, {tcp}}}"));
        }

        App = ProxyApp.Build(new ProxyInputs
        {
            Bootstrap = bootstrap, Options = new ServeOptions { ValidateOnly = true }, MainLoop = loop,
        });
        App.Start();
    }

    public WireControlPlane Ads { get; }

    public WireControlPlane OwnPlane { get; }

    public ProxyApp App { get; }

    public bool IsServing => App.Listeners.BoundAddresses("front").Count == 1;

    public Task UntilAsync(Func<bool> condition) => TestPeers.UntilAsync(_loop, condition);

    /// <summary>Waits for a request of a type that satisfies a condition.</summary>
    public async Task<DeltaDiscoveryRequest> AskedAsync(WireControlPlane control, ResourceType type, Func<DeltaDiscoveryRequest, bool>? condition = null)
    {
        DeltaDiscoveryRequest? found = null;
        await UntilAsync(() => (found = control.Requests.Find(
            request => request.TypeUrl == type.TypeUrl && (condition?.Invoke(request) ?? true))) is not null);
        return found!;
    }

    /// <summary>Waits until a name was subscribed to.</summary>
    public Task<DeltaDiscoveryRequest> AskedForAsync(WireControlPlane control, ResourceType type, string name) =>
        AskedAsync(control, type, request => request.ResourceNamesSubscribe.Contains(name));

    /// <summary>Sends resources by name, or nothing but names that are removed, and waits for the answer.</summary>
    public async Task<DeltaDiscoveryRequest> PushAsync(
        WireControlPlane control, ResourceType type, string nonce, (string Name, IMessage? Message, string[] Aliases)[] resources, params string[] removed)
    {
        var response = new DeltaDiscoveryResponse { TypeUrl = type.TypeUrl, Nonce = nonce, SystemVersionInfo = nonce, RemovedResources = { removed } };
        foreach ((string name, IMessage? message, string[] aliases) in resources)
        {
            response.Resources.Add(new Resource
            {
                Name = name, Version = nonce, Resource_ = message is null ? null : Any.Pack(message), Aliases = { aliases },
            });
        }

        control.Send(response);
        return await AskedAsync(control, type, request => request.ResponseNonce == nonce);
    }

    public async Task<TestClient> ConnectAsync()
    {
        var client = new TestClient(await TestPeers.ConnectAsync(_loop, App.Listeners.BoundAddresses("front")[0]));
        _clients.Add(client);
        return client;
    }

    public long Counter(string scope, string name) => App.Stats.Value(App.Stats.Scope(scope).Counter(name));

    /// <summary>A client's GET; its answer is read with <see cref="ReadAsync"/>.</summary>
    public async Task<TestClient> GetAsync(string host, string headers = "")
    {
        TestClient client = await ConnectAsync();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
        return client;
    }

    /// <summary>The body of a 200, or the status.</summary>
    public static async Task<string> ReadAsync(TestClient client)
    {
        string head = await client.ReadHeadAsync();
        string body = await client.ReadToEndAsync();
        return head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? body : head[9..12];
    }

    public async Task<string> AskAsync(string host, string headers = "") => await ReadAsync(await GetAsync(host, headers));

    public async Task<JsonElement> DumpAsync(string resource)
    {
        using JsonDocument dump = JsonDocument.Parse(await AdminAsync($"/config_dump?resource={resource}"));
        return dump.RootElement.Clone();
    }

    public Task<string> AdminAsync(string path) => PushScene.AdminAsync(_loop, App, path);

    public void Dispose()
    {
        foreach (TestClient client in _clients)
        {
            client.Stream.Close();
        }

        App.Dispose();
        Ads.Dispose();
        OwnPlane.Dispose();
    }

    private static string Port(WireControlPlane control) => control.Address.Port.ToString(CultureInfo.InvariantCulture);
}
