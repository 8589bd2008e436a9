using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Routing;
using Pilotfish.Testing;
using Xunit;
using Locality = Pilotfish.Proxy.Clusters.Locality;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class RetryOptionTests
{
    [Fact]
    public void PerTryIdleTimeout_SilentUpstream_IsTriedAgain_ThenAnswered504() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy
        {
            RetryOn = "5xx",
            PerTryIdleTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)),
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient first = await upstream.AcceptAsync();
        await first.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(101));
        await first.ReadToEndAsync();
        clock.Advance(TimeSpan.FromMilliseconds(251));
        TestClient second = await upstream.AcceptAsync();
        await second.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
        Assert.Equal(("UT,URX", "upstream_per_try_idle_timeout"), (bench.Recorded[0].Flags, bench.Recorded[0].Details));
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_rq_per_try_idle_timeout"));
    });

    [Fact]
    public void PerTryIdleTimeout_BytesKeepComing_LetsTheResponseTakeLonger() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy
        {
            RetryOn = "5xx",
            PerTryIdleTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)),
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(80));
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        foreach (string piece in (string[])["a", "b", "c"])
        {
            clock.Advance(TimeSpan.FromMilliseconds(80));
            await server.SendAsync(piece);
            Assert.Equal(piece, await client.ReadBytesAsync(1));
        }

        Assert.Equal("via_upstream", bench.Recorded[0].Details);
    });

    // Istio's retryRemoteLocalities: the local priority is healthy, and yet the retry goes to the next one.
    [Fact]
    public void PreviousPriorities_RetryLeavesThePriorityThatFailed() => LoopRunner.Run(async loop =>
    {
        using var local = new TestUpstream(loop);
        using var remote = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddCluster("backend", local.Address);
        Host[] hosts =
        [
            new Host(new HostConfig(local.Address, "") { Priority = 0 }, 1, 0),
            new Host(new HostConfig(remote.Address, "") { Priority = 1 }, 1, 0),
        ];
        cluster.Publish(new HostSetBuilder(cluster.Config.LoadBalancing, Locality.None, 1).Build(hosts));
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy
        {
            RetryOn = "5xx",
            NumRetries = 1,
            RetryPriority = Priority(Any.Pack(new PreviousPrioritiesConfig { UpdateFrequency = 1 })),
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient first = await local.AcceptAsync();
        await first.ReadHeadAsync();
        await first.SendAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        TestClient second = await remote.AcceptAsync();
        await second.ReadHeadAsync();
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(2, bench.Recorded[0].Attempts);
    });

    [Fact]
    public void RetryPriority_ThatCannotBe_IsRefusedByField()
    {
        ConfigRejectedException frequency = Assert.Throws<ConfigRejectedException>(() => RetryPolicyModel.Compile(
            new RetryPolicy { RetryPriority = Priority(Any.Pack(new PreviousPrioritiesConfig())) }, "retry_policy"));
        Assert.Equal("retry_policy.retry_priority.typed_config.update_frequency: it must be greater than 0", frequency.Message);
        ConfigRejectedException unknown = Assert.Throws<ConfigRejectedException>(() => RetryPolicyModel.Compile(
            new RetryPolicy { RetryPriority = Priority(Any.Pack(new Empty())) }, "retry_policy"));
        Assert.Equal("retry_policy.retry_priority: the retry priority 'google.protobuf.Empty' does not exist in Pilotfish", unknown.Message);
    }

    private static RetryPolicy.Types.RetryPriority Priority(Any config) =>
        new() { Name = "envoy.retry_priorities.previous_priorities", TypedConfig = config };

    [Fact]
    public void StreamDuration_Reached_Is504WithItsFlag() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nx-envoy-upstream-stream-duration-ms: 100\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.DoesNotContain("stream-duration", await server.ReadHeadAsync());
        clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
        Assert.Equal("upstream max stream duration reached", await client.ReadBytesAsync(36));
        Assert.Equal(("UMSDR", "upstream_max_stream_duration_reached"), (bench.Recorded[0].Flags, bench.Recorded[0].Details));
    });

    [Fact]
    public void AltResponse_AskedByAnInternalClient_AnswersATimeoutWith204() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            static hcm => hcm.InternalAddressConfig = new HttpConnectionManager.Types.InternalAddressConfig
            {
                CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
            },
            static route => route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)));
        TestClient client = bench.Connect();
        await client.SendAsync(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.1.1\r\nx-envoy-upstream-rq-timeout-alt-response: true\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(101));
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
        Assert.Equal("UT", bench.Recorded[0].Flags);
    });

    [Theory]
    [InlineData("retry-after: 2", RetryPolicy.Types.ResetHeaderFormat.Seconds, 2000)]
    [InlineData("retry-after: 100", RetryPolicy.Types.ResetHeaderFormat.Seconds, 100_000)]
    [InlineData("retry-after: 301", RetryPolicy.Types.ResetHeaderFormat.Seconds, 0)]
    [InlineData("retry-after: NOW+2", RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp, 2000)]
    [InlineData("retry-after: NOW-1", RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp, 0)]
    [InlineData("x-ratelimit-reset: 3", RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp, 3000)]
    [InlineData("retry-after: soon", RetryPolicy.Types.ResetHeaderFormat.Seconds, 0)]
    [InlineData("x-other: 2", RetryPolicy.Types.ResetHeaderFormat.Seconds, 0)]
    public void RateLimitedBackOff_WaitsAsLongAsTheResponseSays(
        string header, RetryPolicy.Types.ResetHeaderFormat format, int earliestMilliseconds) => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: route => route.Route_.RetryPolicy = new RetryPolicy
        {
            RetryOn = "5xx",
            RateLimitedRetryBackOff = new RetryPolicy.Types.RateLimitedRetryBackOff
            {
                ResetHeaders =
                {
                    new RetryPolicy.Types.ResetHeader { Name = "Retry-After", Format = format },
                    new RetryPolicy.Types.ResetHeader { Name = "X-RateLimit-Reset", Format = RetryPolicy.Types.ResetHeaderFormat.Seconds },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 503 No\r\nContent-Length: 0\r\n{At(header, clock.WallNow.ToUnixTimeSeconds())}\r\n\r\n");
        await loop.UntilAsync(() => bench.Counter("cluster.backend.upstream_rq_retry") > 0);

        bool limited = earliestMilliseconds > 0;
        Assert.Equal(limited ? 1 : 0, bench.Counter("cluster.backend.upstream_rq_retry_backoff_ratelimited"));
        Assert.Equal(limited ? 0 : 1, bench.Counter("cluster.backend.upstream_rq_retry_backoff_exponential"));
        Task<string> again = server.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(limited ? earliestMilliseconds - 1 : 251));
        for (int turns = 0; turns < 20; turns++)
        {
            await loop.YieldAsync();
        }

        if (limited)
        {
            Assert.False(again.IsCompleted);
            clock.Advance(TimeSpan.FromMilliseconds((earliestMilliseconds / 2) + 2));
        }

        await again;
    });

    [Theory]
    [InlineData("omit_canary_hosts")]
    [InlineData("omit_host_metadata")]
    public void HostPredicate_RetryLeavesHostsOut(string predicate) => WithClock(async (loop, clock) =>
    {
        using var stable = new TestUpstream(loop);
        using var canary = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddCluster("backend", stable.Address);
        var metadata = new Metadata();
        metadata.FilterMetadata["envoy.lb"] = new Struct { Fields = { ["canary"] = Value.ForBool(true) } };
        Host[] hosts =
        [
            new(new HostConfig(stable.Address, ""), 1, 0),
            new(new HostConfig(canary.Address, "") { Metadata = EndpointMetadata.From(metadata) }, 1, 0),
        ];
        cluster.Publish(new HostSetBuilder(cluster.Config.LoadBalancing, Locality.None, 1).Build(hosts));
        Any config = predicate == "omit_canary_hosts"
            ? Any.Pack(new Envoy.Extensions.Retry.Host.OmitCanaryHosts.V3.OmitCanaryHostsPredicate())
            : Any.Pack(new Envoy.Extensions.Retry.Host.OmitHostMetadata.V3.OmitHostMetadataConfig { MetadataMatch = metadata });
        bench.Serve(configureRoute: route => route.Route_.RetryPolicy = new RetryPolicy
        {
            RetryOn = "5xx",
            NumRetries = 4,
            HostSelectionRetryMaxAttempts = 3,
            RetryHostPredicate = { new RetryPolicy.Types.RetryHostPredicate { Name = predicate, TypedConfig = config } },
        });
        int canaries = 0;
        Refuse(canary, () => canaries++);
        int stables = 0;
        Refuse(stable, () => stables++);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Task<string> head = client.ReadHeadAsync();
        await loop.UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            return head.IsCompleted;
        });

        await head;
        Assert.Equal(5, stables + canaries);
        Assert.True(canaries <= 1, $"Only the first attempt may have gone to the canary; {canaries} did.");

        async void Refuse(TestUpstream upstream, Action seen)
        {
            TestClient server = await upstream.AcceptAsync();
            while (!server.Stream.IsClosed && (await server.ReadHeadAsync()).Length > 0)
            {
                seen();
                await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });

    // A time in a label cannot be known: it stands there as NOW and a distance in seconds.
    private static string At(string header, long now)
    {
        int at = header.IndexOf("NOW", StringComparison.Ordinal);
        return at < 0 ? header : header[..at] + (now + int.Parse(header[(at + 3)..], System.Globalization.CultureInfo.InvariantCulture));
    }

    private static void WithClock(Func<Pilotfish.Runtime.Loops.EventLoop, ManualLoopClock, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(loop, clock));
    }
}
