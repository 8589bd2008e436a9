using System.Globalization;
using System.Text;
using Envoy.Config.Bootstrap.V3;
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
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>A data plane and the control plane that it takes everything from, on one loop.</summary>
internal static class PushScene
{
    private const string Yaml = """
        node: {id: n, cluster: c}
        dynamic_resources:
          ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
          cds_config: {ads: {}, resource_api_version: V3}
          lds_config: {ads: {}, resource_api_version: V3}
        static_resources:
          clusters:
          - name: xds
            type: STATIC
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]}
        """;

    public static void Run(Func<EventLoop, ProxyApp, WireControlPlane, Task> body) => Run("", body);

    public static void Run(string more, Func<EventLoop, ProxyApp, WireControlPlane, Task> body) => Run(more, "CDS", body);

    /// <summary>With more of a bootstrap, and the type that is asked for first.</summary>
    public static void Run(string more, string firstType, Func<EventLoop, ProxyApp, WireControlPlane, Task> body, bool usesAds = true, bool usesCds = true) => LoopRunner.Run(async loop =>
    {
        using var control = new WireControlPlane(loop);
        string yaml = more + Yaml.Replace("PORT", control.Address.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Bootstrap bootstrap = MessageReader.Read<Bootstrap>(YamlDocuments.Parse(Encoding.UTF8.GetBytes(yaml), "b.yaml").Documents[0]).Message!;
        bootstrap.DynamicResources = usesAds ? bootstrap.DynamicResources : null;
        if (!usesCds)
        {
            bootstrap.DynamicResources!.CdsConfig = null;
        }

        using ProxyApp app = ProxyApp.Build(new ProxyInputs
        {
            Bootstrap = bootstrap,
            Options = new ServeOptions { ValidateOnly = true },
            MainLoop = loop,
        });
        app.Start();
        await UntilAskedAsync(loop, control, firstType);
        await body(loop, app, control);
    });

    /// <summary>The body of the admin server's answer.</summary>
    public static async Task<string> AdminAsync(EventLoop loop, ProxyApp app, string path)
    {
        (IByteStream near, IByteStream far) = MemoryStreamPair.Create(loop);
        app.ServeAdmin(far);
        var client = new TestClient(near);
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        await client.ReadHeadAsync();
        string body = await client.ReadToEndAsync();
        near.Close();
        return body;
    }

    public static Task UntilAskedAsync(EventLoop loop, WireControlPlane control, string type) =>
        TestPeers.UntilAsync(loop, () => control.Requests.Any(request => Short(request) == type));

    // The ACK or NACK of one push.
    public static async Task<DeltaDiscoveryRequest> AnswerAsync(EventLoop loop, WireControlPlane control, string type, string version)
    {
        DeltaDiscoveryRequest? answer = null;
        await TestPeers.UntilAsync(
            loop, () => (answer = control.Requests.Find(request => Short(request) == type && request.ResponseNonce == Nonce(type, version))) is not null);
        return answer!;
    }

    public static string Short(DeltaDiscoveryRequest request) => ResourceType.FromTypeUrl(request.TypeUrl)!.ShortName;

    public static string Nonce(string type, string version) => $"{type}-{version}";

    public static void Push(WireControlPlane control, string version, params IMessage[] resources)
    {
        string url = Any.Pack(resources[0]).TypeUrl;
        var response = new DeltaDiscoveryResponse { TypeUrl = url, Nonce = Nonce(ResourceType.FromTypeUrl(url)!.ShortName, version) };
        foreach (IMessage resource in resources)
        {
            response.Resources.Add(new Resource
            {
                Name = (string)(resource.Descriptor.FindFieldByName("name") ?? resource.Descriptor.FindFieldByName("cluster_name"))
                    .Accessor.GetValue(resource),
                Version = version,
                Resource_ = Any.Pack(resource),
            });
        }

        control.Send(response);
    }

    public static void Remove(WireControlPlane control, string type, string version, string name)
    {
        var response = new DeltaDiscoveryResponse { TypeUrl = ResourceType.All.Single(one => one.ShortName == type).TypeUrl, Nonce = Nonce(type, version) };
        response.RemovedResources.Add(name);
        control.Send(response);
    }

    public static Listener HttpListener(string name) => new()
    {
        Name = name,
        Address = TransportFixture.Socket(NetAddress.Loopback(0)),
        FilterChains =
        {
            new FilterChain
            {
                Filters =
                {
                    new Envoy.Config.Listener.V3.Filter
                    {
                        Name = "hcm",
                        TypedConfig = Any.Pack(new HttpConnectionManager
                        {
                            StatPrefix = "h",
                            Rds = new Rds { RouteConfigName = "r", ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() } },
                            HttpFilters = { ProxyBench.Filter("router", new Envoy.Extensions.Filters.Http.Router.V3.Router()) },
                        }),
                    },
                },
            },
        },
    };

    public static RouteConfiguration Routes(string body) => new()
    {
        Name = "r",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "v",
                Domains = { "*" },
                Routes =
                {
                    new Route
                    {
                        Match = new RouteMatch { Prefix = "/" },
                        DirectResponse = new DirectResponseAction { Status = 200, Body = new DataSource { InlineString = body } },
                    },
                },
            },
        },
    };
}
