using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class HeaderCaseForwardingTests
{
    [Fact]
    public void ProperCaseWords_ResponseNamesAreCapitalised_AndRequestsStayAsTheClusterWants() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions
        {
            HeaderKeyFormat = new Http1ProtocolOptions.Types.HeaderKeyFormat
            {
                ProperCaseWords = new Http1ProtocolOptions.Types.HeaderKeyFormat.Types.ProperCaseWords(),
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("\r\nx-one: 1\r\n", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-custom-name: Value\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Contains("\r\nContent-Length: 0\r\n", head);
        Assert.Contains("\r\nX-Custom-Name: Value\r\n", head);
        Assert.Contains("\r\nServer: envoy\r\n", head);
    });

    [Fact]
    public void PreserveCase_BothSides_NamesKeepTheirSpelling() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Preserving(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHOST: a\r\nX-oNe: 1\r\nx-request-ID: r\r\nX-ONE: 2\r\nContent-LENGTH: 0\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string request = await server.ReadHeadAsync();
        Assert.StartsWith("POST / HTTP/1.1\r\nHOST: a\r\n", request);
        Assert.Contains("\r\nX-oNe: 1\r\n", request);
        Assert.Contains("\r\nX-oNe: 2\r\n", request);
        Assert.Contains("\r\nx-request-ID: ", request);
        Assert.Contains("\r\nContent-LENGTH: 0\r\n", request);
        Assert.Contains("\r\nx-forwarded-proto: http\r\n", request);
        await server.SendAsync("HTTP/1.1 200 Very Well\r\nContent-Length: 0\r\nX-cUSTOM: Value\r\nSERVER: mine\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.Contains("\r\nContent-Length: 0\r\n", head);
        Assert.Contains("\r\nX-cUSTOM: Value\r\n", head);
        Assert.Contains("\r\nSERVER: envoy\r\n", head);
        Assert.Contains("\r\nx-envoy-upstream-service-time: ", head);

        // The next message has its own spelling, and a reply of the proxy's none.
        await client.SendAsync("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
        Assert.Contains("\r\ncontent-length: 3\r\n", await client.ReadHeadAsync());
    });

    [Fact]
    public void PreserveCase_OthersInProperCaseAndReasonPhrase_AreAsConfigured() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Preserving(loop, upstream, new PreserveCaseFormatterConfig
        {
            ForwardReasonPhrase = true,
            FormatterTypeOnEnvoyHeaders = PreserveCaseFormatterConfig.Types.FormatterTypeOnEnvoyHeaders.ProperCase,
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("\r\nX-Forwarded-Proto: http\r\n", await server.ReadHeadAsync());
        string reason = new('y', 2000);
        await server.SendAsync($"HTTP/1.1 200 {reason}\r\ncontent-length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith($"HTTP/1.1 200 {reason}\r\ncontent-length: 0\r\n", head);
        Assert.Contains("\r\nX-Envoy-Upstream-Service-Time: ", head);
    });

    [Fact]
    public void PreserveCase_OverHttp2_NamesAreInLowerCase() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Preserving(loop, upstream);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        Assert.Equal("1", (await server.ReadHeadersAsync()).Fields["x-one"]);
    });

    private static ProxyBench Preserving(EventLoop loop, TestUpstream upstream, PreserveCaseFormatterConfig? config = null)
    {
        var options = new Http1ProtocolOptions
        {
            HeaderKeyFormat = new Http1ProtocolOptions.Types.HeaderKeyFormat
            {
                StatefulFormatter = new TypedExtensionConfig { Name = "preserve_case", TypedConfig = Any.Pack(config ?? new PreserveCaseFormatterConfig()) },
            },
        };
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = options } }, upstream.Address);
        bench.Serve(
            new RouteConfiguration
            {
                VirtualHosts =
                {
                    new VirtualHost
                    {
                        Name = "all",
                        Domains = { "*" },
                        Routes =
                        {
                            new Route
                            {
                                Match = new RouteMatch { Path = "/none" },
                                DirectResponse = new DirectResponseAction { Status = 404, Body = new DataSource { InlineString = "not" } },
                            },
                            new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend" } },
                        },
                    },
                },
            },
            hcm => hcm.HttpProtocolOptions = options);
        return bench;
    }
}
