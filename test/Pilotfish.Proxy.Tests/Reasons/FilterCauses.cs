using Envoy.Extensions.Filters.Http.HealthCheck.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Envoy.Service.Ratelimit.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.AccessLogs.Collectors;
using Pilotfish.Proxy.Tests.Filters.GlobalRateLimits;
using Pilotfish.Proxy.Tests.Http2;
using HttpFilter = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What filters answer in an upstream's place.</summary>
internal static class FilterCauses
{
    private const string Failed = "503 LH FailedLocalHealthCheck health_check_failed";

    public static IEnumerable<Cause> All { get; } =
    [
        new("health check passes", "200 - - health_check_ok", static bench => Checks(bench, new HealthCheck { PassThroughMode = false })),
        new("health check fails", Failed, static bench =>
        {
            bench.Fixture.Context.Health.Fails = true;
            return Checks(bench, new HealthCheck { PassThroughMode = false });
        }),
        new("health check asks about a cluster without hosts", Failed + "_cluster_empty", static bench =>
        {
            bench.Cluster();
            return Checks(bench, Asking(1));
        }),
        new("health check asks about no cluster", Failed + "_no_cluster_found", static bench => Checks(bench, Asking(1))),
        new("health check asks about a healthy cluster", "200 - - health_check_ok_cluster_healthy", static bench =>
        {
            bench.Cluster(null, bench.Dead());
            return Checks(bench, Asking(100));
        }),
        new("health check asks about an unhealthy cluster", Failed + "_cluster_unhealthy", static bench =>
        {
            bench.Cluster(
                static cluster => cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].HealthStatus = Envoy.Config.Core.V3.HealthStatus.Unhealthy, bench.Dead());
            return Checks(bench, Asking(1));
        }),
        new("health check was answered lately", "200 - - health_check_cached", static async bench =>
        {
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            Add(bench, new HealthCheck { PassThroughMode = true, CacheTime = new Duration { Seconds = 10 } });
            Http.TestClient client = await bench.GetAsync();
            await client.ReadHeadAsync();
            await bench.UntilAsync(() => bench.Records.Count > 0);
            bench.Records.Clear();
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        }),
        new("local rate limit", "429 RL RateLimited local_rate_limited", static async bench =>
        {
            Add(bench, Filters.LocalRateLimits.LocalLimitBench.Limit(1));
            Http.TestClient client = await bench.GetAsync();
            await client.ReadHeadAsync();
            await bench.UntilAsync(() => bench.Records.Count > 0);
            bench.Records.Clear();
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        }),
        new("rate limit service says no", "429 RL RateLimited request_rate_limited", static async bench =>
        {
            bench.Upstream(RefuseAsync, static cluster => cluster.TypedExtensionProtocolOptions.Add(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                Any.Pack(new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } })));
            Add(bench, AskingService("c"));
            await bench.GetAsync();
        }),
        new("rate limit service does not answer", "500 RLSE RateLimitServiceError rate_limiter_error", static async bench =>
        {
            bench.Cluster(null, bench.Dead());
            Add(bench, AskingService("none"));
            await bench.GetAsync();
        }),
    ];

    private static Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimit AskingService(string cluster)
    {
        var filter = RateLimitBench.Filter(cluster);
        filter.FailureModeDeny = true;
        filter.Timeout = new Duration();
        filter.RateLimits.Add(RateLimitBench.Named("all"));
        return filter;
    }

    private static async Task RefuseAsync(Http.TestClient connection)
    {
        var peer = new Http2Peer(connection.Stream);
        await peer.StartServerAsync();
        var messages = new CollectorPeer(peer);
        await messages.ReadMessageAsync();
        await RateLimitBench.AnswerAsync(peer, messages.StreamId, new RateLimitResponse { OverallCode = RateLimitResponse.Types.Code.OverLimit }.ToByteArray());
    }

    private static HealthCheck Asking(double percent) => new()
    {
        PassThroughMode = false,
        ClusterMinHealthyPercentages = { ["c"] = new Percent { Value = percent } },
    };

    private static async Task Checks(CauseBench bench, HealthCheck check)
    {
        Add(bench, check);
        await bench.GetAsync();
    }

    private static void Add(CauseBench bench, IMessage filter) => bench.Http(
        manager => manager.HttpFilters.Insert(0, new HttpFilter { Name = "filter", TypedConfig = Any.Pack(filter) }));
}
