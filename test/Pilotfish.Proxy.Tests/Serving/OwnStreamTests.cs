using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>Resources that do not come over ADS but by a stream of their own to the cluster that their config source names.</summary>
public sealed class OwnStreamTests
{
    private const string Yaml = """
        node: {id: n, cluster: c}
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
                  rds: {route_config_name: r, config_source: {api_config_source: {api_type: API, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: CLUSTER}, initial_metadata: [{key: x-who, value: me}]}]}}}
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          clusters:
          - name: rds
            type: STATIC
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: rds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]}
        """;

    [Theory]
    [InlineData("GRPC", "StreamRoutes")]
    [InlineData("DELTA_GRPC", "DeltaRoutes")]
    public void Routes_ByAClusterOfTheirOwn_AreAskedForAtTheirService(string api, string method) => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        using ProxyApp app = Build(loop, api, "rds", listener.LocalAddress.Port);
        app.Start();
        var server = new Http2Peer((await listener.AcceptAsync()).Stream!);
        await server.StartServerAsync();
        Dictionary<string, string> head = (await server.ReadHeadersAsync()).Fields;
        Assert.Equal($"/envoy.service.route.v3.RouteDiscoveryService/{method}", head[":path"]);
        Assert.Equal("me", head["x-who"]);
        byte[] request = Encoding.Latin1.GetBytes(await server.ReadBodyAsync(1))[5..];
        Assert.Equal(
            ["r"], api == "GRPC" ? DiscoveryRequest.Parser.ParseFrom(request).ResourceNames : DeltaDiscoveryRequest.Parser.ParseFrom(request).ResourceNamesSubscribe);
        var any = Any.Pack(Messages.Parse<RouteConfiguration>(
            "{name: r, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: own}}}]}]}"));
        IMessage response = api == "GRPC"
            ? new DiscoveryResponse { TypeUrl = any.TypeUrl, VersionInfo = "1", Nonce = "1", Resources = { any } }
            : new DeltaDiscoveryResponse { TypeUrl = any.TypeUrl, Nonce = "1", Resources = { new Resource { Name = "r", Version = "1", Resource_ = any } } };
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-type", "application/grpc"));
        await server.SendAsync(FrameType.DATA, 0, 1, Framed(response));
        await TestPeers.UntilAsync(loop, () => app.Listeners.BoundAddresses("front").Count == 1);
        var client = new TestClient(await TestPeers.ConnectAsync(loop, app.Listeners.BoundAddresses("front")[0]));
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", await client.ReadHeadAsync());
        Assert.Equal("own", await client.ReadToEndAsync());
        client.Stream.Close();
        listener.Close();
    });

    [Fact]
    public void Cluster_ThatIsNotThere_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(() => Build(loop, "GRPC", "nowhere", 1));
        Assert.Contains("rds.config_source.api_config_source: resource 'r' is asked for from the unknown cluster 'nowhere'", e.Problems[0], StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static ProxyApp Build(EventLoop loop, string api, string cluster, int port) => ProxyApp.Build(new ProxyInputs
    {
        Bootstrap = Messages.Parse<Bootstrap>(Yaml
            .Replace("API", api, StringComparison.Ordinal).Replace("CLUSTER", cluster, StringComparison.Ordinal)
            .Replace("PORT", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)),
        Options = new ServeOptions { ValidateOnly = true },
        MainLoop = loop,
    });

    private static byte[] Framed(IMessage message)
    {
        byte[] body = message.ToByteArray();
        byte[] framed = new byte[5 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), body.Length);
        body.CopyTo(framed, 5);
        return framed;
    }
}
