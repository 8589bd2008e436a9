using Envoy.Config.Common.MutationRules.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Policy = Envoy.Config.Route.V3.RouteAction.Types.RequestMirrorPolicy;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>request_mirror_policies: what the copy looks like, where it goes, and who decides.</summary>
public sealed class MirrorTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public void Mirror_GetsACopy_ClientGetsTheMainAnswer() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", main.Address);
        bench.AddCluster("mirror", mirror.Address);
        bench.Serve(configureRoute: static route => route.Route_.RequestMirrorPolicies.Add(new Policy { Cluster = "mirror" }));
        TestClient client = bench.Connect();
        await client.SendAsync("POST /m HTTP/1.1\r\nHost: h:80\r\nContent-Length: 4\r\n\r\nbody");
        TestClient shadow = await mirror.AcceptAsync();
        string head = await shadow.ReadHeadAsync();
        Assert.StartsWith("POST /m HTTP/1.1\r\nhost: h-shadow:80\r\n", head);
        Assert.Equal("body", await shadow.ReadBytesAsync(4));
        await shadow.SendAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    [Theory]
    [InlineData("suffix", false, "", "h-shadow:80")]
    [InlineData("no suffix", true, "", "h:80")]
    [InlineData("another host", false, "m.example", "m.example")]
    public void Host_IsAsThePolicySays(string label, bool plain, string rewrite, string host) => LoopRunner.Run(async loop =>
    {
        string head = await CopyAsync(loop, new Policy { Cluster = "mirror", DisableShadowHostSuffixAppend = plain, HostRewriteLiteral = rewrite });
        Assert.True(head.Contains($"host: {host}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Fact]
    public void Mutations_ChangeTheCopyAlone_InTheirOrder() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror, new Policy
        {
            Cluster = "mirror",
            RequestHeadersMutations =
            {
                new HeaderMutation { Append = Header("x-copy", "%REQ(x-one)%!") },
                new HeaderMutation { Remove = "x-one" },
                new HeaderMutation { RemoveOnMatch = new HeaderMutation.Types.RemoveOnMatch { KeyMatcher = new StringMatcher { Prefix = "x-secret" } } },
            },
        });
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: h\r\nx-one: 1\r\nx-secret-a: 2\r\n\r\n");
        string copy = await (await mirror.AcceptAsync()).ReadHeadAsync();
        Assert.Contains("x-copy: 1!\r\n", copy);
        Assert.DoesNotContain("x-one", copy);
        Assert.DoesNotContain("x-secret", copy);
        string original = await (await main.AcceptAsync()).ReadHeadAsync();
        Assert.Contains("x-secret-a: 2\r\n", original);
        Assert.DoesNotContain("x-copy", original);
    });

    [Fact]
    public void ClusterHeader_NamesTheCluster_AndWithoutItNothingIsSent() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror, new Policy { ClusterHeader = "X-Mirror" });
        TestClient client = bench.Connect();
        await client.SendAsync("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        await client.ReadHeadAsync();
        await client.SendAsync("GET /b HTTP/1.1\r\nHost: h\r\nx-mirror: nowhere\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        await client.ReadHeadAsync();
        await client.SendAsync("GET /c HTTP/1.1\r\nHost: h\r\nx-mirror: mirror\r\n\r\n");
        Assert.StartsWith("GET /c ", await (await mirror.AcceptAsync()).ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.mirror.upstream_cx_total"));
    });

    [Fact]
    public void Share_FollowsTheRuntime() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, main, mirror, new Policy
        {
            Cluster = "mirror",
            RuntimeFraction = new RuntimeFractionalPercent { DefaultValue = new FractionalPercent(), RuntimeKey = "mirrored" },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await main.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        await client.ReadHeadAsync();
        bench.Context.Runtime.Replace(new Dictionary<string, string> { ["mirrored"] = "100" });
        await client.SendAsync("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.StartsWith("GET /b ", await (await mirror.AcceptAsync()).ReadHeadAsync());
    });

    [Fact]
    public void PoliciesOfTheCluster_StandInForTheRoutes() => LoopRunner.Run(async loop =>
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        using var other = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("mirror", mirror.Address);
        bench.AddCluster("other", other.Address);
        bench.AddClusterWith(
            "backend",
            settings => settings with
            {
                Http = UpstreamHttpOptions.Default with
                {
                    Mirrors = MirrorPolicyModel.CompileAll([new Policy { Cluster = "other" }], "request_mirror_policies", "cluster 'backend'", bench.Context),
                },
            },
            main.Address);
        bench.Serve(configureRoute: static route => route.Route_.RequestMirrorPolicies.Add(new Policy { Cluster = "mirror" }));
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        await (await other.AcceptAsync()).ReadHeadAsync();
        await (await main.AcceptAsync()).ReadHeadAsync();
        Assert.Equal(0, bench.Counter("cluster.mirror.upstream_cx_total"));
    });

    [Fact]
    public void PoliciesOfTheCluster_AreReadFromItsMessage() => LoopRunner.Run(loop =>
    {
        var cluster = new Envoy.Config.Cluster.V3.Cluster { Name = "c", ConnectTimeout = new Duration { Seconds = 1 } };
        cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(
            new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
            {
                ExplicitHttpConfig = new() { HttpProtocolOptions = new() },
                RequestMirrorPolicies = { new Policy { Cluster = "mirror" } },
            });
        ClusterModel model = ClusterCompiler.Compile(cluster, 1, new ProxyBench(loop).Context);
        Assert.Equal("mirror", Assert.Single(model.Http.Mirrors).Cluster!.Name);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("neither", "", "", "request_mirror_policies[0]: exactly one of cluster and cluster_header")]
    [InlineData("both", "a", "b", "request_mirror_policies[0]: exactly one of cluster and cluster_header")]
    public void Policy_Wrong_IsRefusedByField(string label, string cluster, string header, string problem) => LoopRunner.Run(loop =>
    {
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(
            configureRoute: route => route.Route_.RequestMirrorPolicies.Add(new Policy { Cluster = cluster, ClusterHeader = header })));
        Assert.True(refused.Message.Contains(problem, StringComparison.Ordinal), $"{label}: {refused.Message}");
        return Task.CompletedTask;
    });

    [Fact]
    public void Mutation_OfAPseudoHeader_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(
            configureRoute: static route => route.Route_.RequestMirrorPolicies.Add(
                new Policy { Cluster = "m", RequestHeadersMutations = { new HeaderMutation { Remove = ":path" } } })));
        Assert.EndsWith("request_mirror_policies[0].request_headers_mutations[0].remove", refused.Field, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static ProxyBench Bench(EventLoop loop, TestUpstream main, TestUpstream mirror, Policy policy)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", main.Address);
        bench.AddCluster("mirror", mirror.Address);
        bench.Serve(configureRoute: route => route.Route_.RequestMirrorPolicies.Add(policy));
        return bench;
    }

    private static async Task<string> CopyAsync(EventLoop loop, Policy policy)
    {
        using var main = new TestUpstream(loop);
        using var mirror = new TestUpstream(loop);
        await Bench(loop, main, mirror, policy).Connect().SendAsync("GET / HTTP/1.1\r\nHost: h:80\r\n\r\n");
        return await (await mirror.AcceptAsync()).ReadHeadAsync();
    }

    private static HeaderValueOption Header(string name, string value) => new() { Header = new HeaderValue { Key = name, Value = value } };
}
