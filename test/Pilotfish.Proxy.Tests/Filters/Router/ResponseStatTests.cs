using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Locality = Pilotfish.Proxy.Clusters.Locality;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using RouterMessage = Envoy.Extensions.Filters.Http.Router.V3.Router;

namespace Pilotfish.Proxy.Tests.Filters.Router;

/// <summary>Statistics of a cluster's responses by origin: which parts exist, what counts where.</summary>
public sealed class ResponseStatTests
{
    private static readonly string[] s_ok = ["upstream_rq_200=1", "upstream_rq_2xx=1", "upstream_rq_completed=1", "upstream_rq_time=1"];

    [Theory]
    [InlineData(true, "internal.", "external.")]
    [InlineData(false, "external.", "internal.")]
    public void Request_CountsAsInternalOrExternal(bool isInternal, string counted, string other) => Run(isInternal, async scene =>
    {
        await scene.AnswerAsync("", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(s_ok, scene.Counted(counted));
        Assert.Equal(s_ok, scene.Counted(""));
        Assert.False(scene.Exists(other));
        Assert.False(scene.Exists("canary."));
        Assert.False(scene.Exists("zone."));
        Assert.False(scene.Exists("retry."));
    });

    [Theory]
    [InlineData(true, "", true)]
    [InlineData(false, "x-envoy-upstream-canary: true\r\n", true)]
    [InlineData(false, "x-envoy-upstream-canary: yes\r\n", false)]
    [InlineData(false, "", false)]
    public void Canary_IsWhoSaysSo_HostOrResponse(bool host, string header, bool isCanary) => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync("", $"HTTP/1.1 200 OK\r\n{header}Content-Length: 0\r\n\r\n");
        Assert.Equal(isCanary ? s_ok : [], scene.Counted("canary."));
        Assert.Equal(s_ok, scene.Counted("external."));
    }, config => config with { Metadata = Canary(host) });

    [Fact]
    public void Canary_FollowsTheMetadataOfAPush()
    {
        var config = new HostConfig(Pilotfish.Runtime.Sockets.NetAddress.Parse("10.0.0.1:1"), "");
        var host = new Host(config, 1, 0);
        Assert.False(host.IsCanary);
        host.Update(config with { Metadata = Canary(true) });
        Assert.True(host.IsCanary);
        host.Update(config with { Metadata = Canary(false) });
        Assert.False(host.IsCanary);
    }

    [Theory]
    [InlineData("here", "there", true)]
    [InlineData("", "there", false)]
    [InlineData("here", "", false)]
    public void Zones_CountWhereBothAreKnown(string from, string to, bool counts) => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync("", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(counts ? s_ok : [], scene.Counted("zone.here.there."));
        Assert.Equal(counts, scene.Exists("zone."));
    }, config => config with { Locality = new Locality("r", to, "") }, zone: from);

    [Fact]
    public void RetriedResponses_CountUnderRetry_AndNowhereElse() => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync("", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(["upstream_rq_503=1", "upstream_rq_5xx=1", "upstream_rq_completed=1"], scene.Counted("retry."));
        Assert.Equal(s_ok, scene.Counted(""));
        Assert.Equal(s_ok, scene.Counted("external."));
    });

    [Fact]
    public void AlternativeName_CountsBesideTheCluster_AndIsTakenFromTheRequest() => Run(isInternal: true, async scene =>
    {
        string head = await scene.AnswerAsync("x-envoy-upstream-alt-stat-name: reads.slow\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.DoesNotContain("alt-stat-name", head, StringComparison.Ordinal);
        Assert.Equal(s_ok, scene.Counted("reads.slow."));
        Assert.Equal(s_ok, scene.Counted("reads.slow.internal."));
        Assert.Equal(s_ok, scene.Counted(""));
        await scene.AnswerAsync("", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(s_ok, scene.Counted("reads.slow."));
    });

    [Fact]
    public void AlternativeName_OfAStranger_IsNotHeard() => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync("x-envoy-upstream-alt-stat-name: theirs\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.False(scene.Exists("theirs."));
    });

    [Fact]
    public void AlternativeNames_AreBounded()
    {
        var stats = new StatsStore();
        var responses = new Pilotfish.Proxy.Filters.Router.ClusterResponses(stats.Scope("cluster.c"), "");
        for (int i = 0; i < 64; i++)
        {
            Assert.NotNull(responses.Named(System.Text.Encoding.ASCII.GetBytes($"n{i}")));
        }

        Assert.Null(responses.Named("n64"u8));
        Assert.Same(responses.Named("n3"u8), responses.Named("n3"u8));
        Assert.Null(responses.Named(""u8));
        Assert.Null(responses.Named("a b"u8));
        Assert.Null(responses.Named(new byte[129].Select(static _ => (byte)'a').ToArray()));
    }

    [Fact]
    public void OwnAnswers_CountByOriginToo() => Run(isInternal: false, async scene =>
    {
        ProxyBench.SetHosts(scene.Cluster);
        await scene.RefusedAsync();
        Assert.Equal(["upstream_rq_503=1", "upstream_rq_5xx=1", "upstream_rq_completed=1"], scene.Counted("external."));
    });

    [Fact]
    public void DynamicStats_Off_CountsNoResponse() => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync("", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Empty(scene.Counted("external."));
        Assert.Empty(scene.Counted(""));
        Assert.Equal(1, scene.Bench.Counter("cluster.backend.upstream_rq_total"));
    }, router: new RouterMessage { DynamicStats = false });

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("text/plain", false)]
    public void SuppressedGrpcStatus_LeavesCompletedAlone(string type, bool hidden) => Run(isInternal: false, async scene =>
    {
        await scene.AnswerAsync($"content-type: {type}\r\n", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(hidden ? ["upstream_rq_completed=1", "upstream_rq_time=1"] : ["upstream_rq_404=1", "upstream_rq_4xx=1", "upstream_rq_completed=1", "upstream_rq_time=1"], scene.Counted(""));
        Assert.Contains("upstream_rq_404=1", scene.Counted("external."));
    }, router: new RouterMessage { SuppressGrpcRequestFailureCodeStats = true });

    [Fact]
    public void Names_HaveEnvoysTags()
    {
        var rules = new StatTagRules(StatTagRules.Default);
        List<StatTag> tags = [];
        Assert.Equal("cluster.external.upstream_rq", rules.Extract("cluster.backend.external.upstream_rq_200", tags));
        Assert.Equal(["envoy.response_code=200", "envoy.cluster_name=backend"], tags.Select(static tag => $"{tag.Name}={tag.Value}"));
    }

    [Fact]
    public void EveryStatus_HasItsOwnCounter()
    {
        var stats = new StatsStore();
        StatScope scope = stats.Scope("s");
        var counters = new StatusCounters(scope, "p.");
        for (int round = 0; round < 2; round++)
        {
            for (int status = 90; status < 620; status++)
            {
                counters.Count(stats.Main, status);
            }
        }

        for (int status = 100; status < 600; status++)
        {
            Assert.Equal(2, stats.Value(scope.Counter($"p.upstream_rq_{status}")));
        }

        Assert.Equal(200, stats.Value(scope.Counter("p.upstream_rq_3xx")));
        Assert.Equal(1000, stats.Value(scope.Counter("p.upstream_rq_completed")));
        Assert.False(stats.TryFind("s.p.upstream_rq_99", out _) || stats.TryFind("s.p.upstream_rq_600", out _));
    }

    private static EndpointMetadata Canary(bool says) => EndpointMetadata.From(new Metadata
    {
        FilterMetadata = { ["envoy.lb"] = new Struct { Fields = { ["canary"] = Value.ForBool(says) } } },
    });

    private static void Run(
        bool isInternal, Func<Scene, Task> act, Func<HostConfig, HostConfig>? endpoint = null, string zone = "", RouterMessage? router = null) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            await act(new Scene(loop, upstream, isInternal, endpoint, zone, router ?? new RouterMessage()));
        });

    private sealed class Scene
    {
        private readonly TestUpstream _upstream;
        private readonly TestClient _client;
        private TestClient? _server;

        public Scene(
            EventLoop loop, TestUpstream upstream, bool isInternal, Func<HostConfig, HostConfig>? endpoint, string zone, RouterMessage router)
        {
            _upstream = upstream;
            Bench = new ProxyBench(loop) { LocalZone = zone };
            Cluster = Bench.AddCluster("backend", upstream.Address);
            if (endpoint is not null)
            {
                var host = new Host(endpoint(new HostConfig(upstream.Address, "")), 1, 0);
                Cluster.Publish(new HostSetBuilder(Cluster.Config.LoadBalancing, Locality.None, 1).Build([host]));
            }

            Bench.Serve(
                hcm =>
                {
                    hcm.HttpFilters[^1] = ProxyBench.Filter("router", router);
                    if (isInternal)
                    {
                        hcm.UseRemoteAddress = true;
                        hcm.InternalAddressConfig = new HttpConnectionManager.Types.InternalAddressConfig
                        {
                            CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
                        };
                    }
                },
                static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx" });
            _client = Bench.Connect();
        }

        public ProxyBench Bench { get; }

        public ClusterState Cluster { get; }

        /// <summary>Sends a request, answers its attempts in turn; the request's head as the upstream saw it last.</summary>
        public async Task<string> AnswerAsync(string headers, params string[] answers)
        {
            await _client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
            _server ??= await _upstream.AcceptAsync();
            string head = "";
            foreach (string answer in answers)
            {
                head = await _server.ReadHeadAsync();
                await _server.SendAsync(answer);
            }

            await _client.ReadHeadAsync();
            return head;
        }

        public async Task RefusedAsync()
        {
            await _client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 503 ", await _client.ReadHeadAsync());
        }

        /// <summary>`upstream_rq_CODE`, `_Nxx`, `_completed` and how often `_time` was recorded, where not 0.</summary>
        public IEnumerable<string> Counted(string prefix)
        {
            List<string> counted = [];
            foreach (StatEntry entry in Bench.Stats.Entries())
            {
                string start = $"cluster.backend.{prefix}upstream_rq_";
                string rest = entry.Name.StartsWith(start, StringComparison.Ordinal) ? entry.Name[start.Length..] : "";
                long value = rest == "time" ? Bench.Stats.Snapshot(entry).Total
                    : rest.Length == 3 || rest == "completed" ? Bench.Stats.Value(entry) : 0;
                if (value > 0)
                {
                    counted.Add($"upstream_rq_{rest}={value}");
                }
            }

            return counted.Order(StringComparer.Ordinal);
        }

        public bool Exists(string prefix) => Bench.Stats.Entries()
            .Exists(entry => entry.Name.StartsWith("cluster.backend." + prefix, StringComparison.Ordinal));
    }
}
