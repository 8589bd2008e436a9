using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Http.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Testing;
using Options = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathNormalizationOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>path_normalization_options: what the upstream sees, and what only filters and routes see.</summary>
public sealed class PathTransformationTests
{
    [Theory]
    [InlineData("the default is RFC 3986", "", "", "/b", "/a/../b", "/b")]
    [InlineData("merged and forwarded", "merge", "", "/b", "//b", "/b")]
    [InlineData("only merged", "merge", "", "/a", "//a/../b", "/a/../b")]
    [InlineData("in order", "merge normalize", "", "/b", "//a///..//b?x=//", "/b?x=//")]
    [InlineData("seen by routes alone", "merge", "normalize", "/b", "//a/../b?q", "/a/../b?q")]
    [InlineData("seen by routes alone, as it was", "", "merge", "/b", "//b", "//b")]
    public void Path_IsRoutedAndForwardedAs(string label, string forwarding, string filtering, string routed, string path, string expected) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(
                hcm => hcm.PathNormalizationOptions = Of(forwarding, filtering),
                route => route.Match = new RouteMatch { Prefix = routed });
            await bench.Connect().SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
            Assert.True(head.StartsWith($"GET {expected} HTTP/1.1\r\n", StringComparison.Ordinal), $"{label}: {head}");
        });

    [Fact]
    public void PathThatARouteRewrites_IsTheOneThatItSaw() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            static hcm => hcm.PathNormalizationOptions = Of("merge", "normalize"),
            static route =>
            {
                route.Match = new RouteMatch { Prefix = "/b" };
                route.Route_.PrefixRewrite = "/c";
            });
        await bench.Connect().SendAsync("GET /a/../b/d HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("GET /c/d HTTP/1.1\r\n", await (await upstream.AcceptAsync()).ReadHeadAsync());
    });

    [Theory]
    [InlineData("normalize", "")]
    [InlineData("merge", "normalize")]
    public void MalformedPath_Is400(string forwarding, string filtering) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.PathNormalizationOptions = Of(forwarding, filtering));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadHeadAsync());
        Assert.Equal("path_normalization_failed", bench.Logged[0].Details);
    });

    [Fact]
    public void OperationThatSaysNothing_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var refused = Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm => hcm.PathNormalizationOptions = new Options
        {
            HttpFilterTransformation = new PathTransformation { Operations = { new PathTransformation.Types.Operation() } },
        }));
        Assert.Equal("path_normalization_options.http_filter_transformation.operations[0]", refused.Field);
        return Task.CompletedTask;
    });

    private static Options Of(string forwarding, string filtering) => new()
    {
        ForwardingTransformation = Transformation(forwarding),
        HttpFilterTransformation = Transformation(filtering),
    };

    private static PathTransformation? Transformation(string operations)
    {
        if (operations.Length == 0)
        {
            return null;
        }

        var transformation = new PathTransformation();
        foreach (string operation in operations.Split(' '))
        {
            transformation.Operations.Add(operation == "merge"
                ? new PathTransformation.Types.Operation { MergeSlashes = new() }
                : new PathTransformation.Types.Operation { NormalizePathRfc3986 = new() });
        }

        return transformation;
    }
}
