using Envoy.Config.Cluster.V3;
using Envoy.Extensions.Filters.Http.HeaderMutation.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.UpstreamHeaders;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using HttpFilter = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using RouterMessage = Envoy.Extensions.Filters.Http.Router.V3.Router;

namespace Pilotfish.Proxy.Tests.Filters.Router;

/// <summary>http_filters of clusters and upstream_http_filters of routers: what they change, when, and which are taken.</summary>
public sealed class UpstreamFilterTests
{
    private static readonly Any s_codec = new() { TypeUrl = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec" };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Mutations_ApplyToEachAttempt_AndBeforeRetriesAreJudged(bool ofCluster) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        Any mutation = Mutation("""
            {"mutations": {
              "request_mutations": [{"append": {"header": {"key": "x-up", "value": "%REQ(x-in)%"}}}, {"remove": "x-gone"}],
              "response_mutations": [{"remove": "x-secret"}, {"append": {"header": {"key": "x-down", "value": "b"}}}]}}
            """);
        ProxyBench bench = Bench(loop, upstream, ofCluster ? [mutation, s_codec] : [], ofCluster ? [] : [mutation, s_codec]);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nx-in: 1\r\nx-gone: 2\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("x-up: 1\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("x-gone", head, StringComparison.Ordinal);

        // The router retries by a header that the filter adds to the first answer, as it does to the second.
        await server.SendAsync("HTTP/1.1 200 OK\r\nx-secret: s\r\nContent-Length: 0\r\n\r\n");
        head = await server.ReadHeadAsync();
        Assert.Contains("x-up: 1\r\nx-up: 1\r\n", head, StringComparison.Ordinal);
        await server.SendAsync("HTTP/1.1 200 OK\r\nx-secret: s\r\nContent-Length: 0\r\n\r\n");
        string answer = await client.ReadHeadAsync();
        Assert.Contains("x-down: b\r\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("x-secret", answer, StringComparison.Ordinal);
    });

    [Fact]
    public void ClustersChain_GoesBeforeTheRouters_AndResponsesTakeTheReverseOrder() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(
            loop, upstream,
            [Add("x-first", "%RESP(x-second)%"), Add("x-second", "2"), s_codec],
            [Add("x-router", "1"), s_codec]);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        string answer = await client.ReadHeadAsync();
        Assert.Contains("x-first: 2\r\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("x-router", answer, StringComparison.Ordinal);

        static Any Add(string name, string value) => Any.Pack(new HeaderMutation
        {
            Mutations = new Mutations
            {
                ResponseMutations = { new Envoy.Config.Common.MutationRules.V3.HeaderMutation { Append = new() { Header = new() { Key = name, Value = value } } } },
            },
        });
    });

    [Fact]
    public void Trailers_AreChangedBothWays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, [Mutation("""
            {"mutations": {
              "request_trailers_mutations": [{"append": {"header": {"key": "x-t", "value": "1"}}}],
              "response_trailers_mutations": [{"append": {"header": {"key": "x-u", "value": "2"}}}, {"remove": "x-gone"}]}}
            """), s_codec], []);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-a: b\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal("0\r\nx-a: b\r\nx-t: 1\r\n\r\n", await server.ReadUntilAsync("\r\n\r\n"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-gone: b\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal("0\r\nx-u: 2\r\n\r\n", await client.ReadUntilAsync("\r\n\r\n"));
    });

    [Theory]
    [InlineData("mutation", "[0]: filter 'f' is the last one")]
    [InlineData("codec mutation", "[0]: envoy.filters.http.upstream_codec must be the last filter")]
    [InlineData("lua codec", "[0].typed_config: extension 'f' has type 'envoy.extensions.filters.http.lua.v3.Lua'")]
    [InlineData("query codec", "[0].typed_config.mutations.query_parameter_mutations: ")]
    [InlineData("bad codec", "[0].typed_config.mutations.request_mutations[0]")]
    [InlineData("ecds codec", "[0].config_discovery: ")]
    [InlineData("disabled codec", "[0].disabled: ")]
    [InlineData("optional codec", "")]
    [InlineData("codec", "")]
    [InlineData("mutation codec", "")]
    public void Chain_IsTakenOrRefusedByName(string chain, string problem) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IUpstreamHttpFilterFactory>(new UpstreamHeaderMutationFactory());
        var options = new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = new() } };
        foreach (string kind in chain.Split(' '))
        {
            options.HttpFilters.Add(kind switch
            {
                "codec" => Filter(s_codec),
                "mutation" => Filter(Mutation("{}")),
                "query" => Filter(Mutation("""{"mutations": {"query_parameter_mutations": [{"remove": "a"}]}}""")),
                "bad" => Filter(Mutation("""{"mutations": {"request_mutations": [{"remove": ":path"}]}}""")),
                "ecds" => new HttpFilter { Name = "f", ConfigDiscovery = new() },
                "disabled" => new HttpFilter { Name = "f", TypedConfig = Mutation("{}"), Disabled = true },
                "optional" => new HttpFilter { Name = "f", TypedConfig = Lua(), IsOptional = true },
                _ => Filter(Lua()),
            });
        }

        var cluster = new Cluster { Name = "c" };
        cluster.TypedExtensionProtocolOptions.Add("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", Any.Pack(options));
        string told = "";
        try
        {
            ClusterCompiler.Compile(cluster, 1, bench.Context);
        }
        catch (ConfigRejectedException e)
        {
            told = e.Message;
        }

        Assert.StartsWith(problem.Length == 0 ? "" : $"typed_extension_protocol_options[envoy.extensions.upstreams.http.v3.HttpProtocolOptions].http_filters{problem}", told);
        Assert.Equal(problem.Length == 0, told.Length == 0);
        return Task.CompletedTask;
    });

    private static Any Lua() => new() { TypeUrl = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" };

    private static Any Mutation(string json) => Any.Pack(HeaderMutation.Parser.ParseJson(json));

    private static HttpFilter Filter(Any config) => new() { Name = "f", TypedConfig = config };

    private static ProxyBench Bench(EventLoop loop, TestUpstream upstream, Any[] cluster, Any[] router)
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IUpstreamHttpFilterFactory>(new UpstreamHeaderMutationFactory());
        var options = new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = new() { EnableTrailers = true } }, HttpFilters = { cluster.Select(Filter) } };
        bench.AddClusterWith("backend", settings => settings with
        {
            Http = UpstreamHttpOptions.Compile(options, "") with { Filters = UpstreamHttpFilters.Compile(options.HttpFilters, "http_filters", bench.Context) },
        }, upstream.Address);
        bench.Serve(
            hcm =>
            {
                hcm.HttpProtocolOptions = new() { EnableTrailers = true };
                hcm.HttpFilters[^1] = ProxyBench.Filter("router", new RouterMessage { UpstreamHttpFilters = { router.Select(Filter) } });
            },
            static route => route.Route_.RetryPolicy = new RetryPolicy
            {
                RetryOn = "retriable-headers",
                NumRetries = 1,
                RetriableHeaders = { new Envoy.Config.Route.V3.HeaderMatcher { Name = "x-down", PresentMatch = true } },
            });
        return bench;
    }
}
