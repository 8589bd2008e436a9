using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using UpstreamOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Clusters;

public sealed class ClusterDirectoryTests
{
    private static readonly NetAddress s_first = NetAddress.Parse("10.1.0.1:80");
    private static readonly NetAddress s_second = NetAddress.Parse("10.1.0.2:80");

    [Fact]
    public void Cluster_Eds_WarmsUntilItsAssignmentComes() => Run(fixture =>
    {
        Assert.Empty(fixture.Apply(Eds("c")));
        ClusterReference reference = fixture.Context.Clusters.Reference("c");
        Assert.Null(reference.Current);
        Assert.Equal(1, fixture.Clusters.WarmingCount);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first));
        Assert.Equal(s_first, Assert.Single(reference.Current!.Hosts.All).Address);
        Assert.Equal(0, fixture.Clusters.WarmingCount);
    });

    [Fact]
    public void Cluster_ChangedConfig_TakesOverWithTheAssignmentItHolds() => Run(fixture =>
    {
        fixture.Apply(Eds("c"));
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first));
        ClusterReference reference = fixture.Context.Clusters.Reference("c");
        ClusterState before = reference.Current!;
        Cluster changed = Eds("c");
        changed.ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(9));
        fixture.Apply(changed);
        Assert.NotSame(before, reference.Current);
        Assert.True(before.IsRemoved);
        Assert.Equal(9000, reference.Current!.Config.ConnectTimeoutMilliseconds);
        Assert.Single(reference.Current.Hosts.All);
    });

    [Fact]
    public void Cluster_SamePush_ChangesNothing() => Run(fixture =>
    {
        fixture.Apply(TransportFixture.StaticCluster("c", s_first));
        ClusterState before = fixture.Context.Clusters.Reference("c").Current!;
        fixture.Apply(TransportFixture.StaticCluster("c", s_first));
        Assert.Same(before, fixture.Context.Clusters.Reference("c").Current);
    });

    [Fact]
    public void Assignment_HostStays_KeepsItsIdentityAndTheLeaverIsTold() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(Eds("c"));
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first, s_second));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        Host[] hosts = state.Hosts.All;
        var pool = new RecordingPool();
        hosts[1].Slot(0) = pool;
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first));
        Assert.Same(hosts[0], Assert.Single(state.Hosts.All));
        await TestPeers.UntilAsync(loop, () => pool.LeftCount == 1);
    });

    [Fact]
    public void Assignment_Bad_IsRejectedAndTheLastGoodStays() => Run(fixture =>
    {
        fixture.Apply(Eds("c"));
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first));
        ClusterLoadAssignment bad = TransportFixture.Assignment("c", s_second);
        bad.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address = "not-an-ip";
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => fixture.Subscriptions.Push("c", bad));
        Assert.Contains("endpoints[0].lb_endpoints[0].endpoint.address", e.Field, StringComparison.Ordinal);
        Assert.Equal(s_first, Assert.Single(fixture.Context.Clusters.Reference("c").Current!.Hosts.All).Address);
    });

    [Fact]
    public void Assignment_DropsEverything_RequestsAreDroppedAndConnectionsAreNot() => Run(fixture =>
    {
        fixture.Apply(Eds("c"));
        ClusterLoadAssignment assignment = TransportFixture.Assignment("c", s_first);
        assignment.Policy = new ClusterLoadAssignment.Types.Policy
        {
            DropOverloads =
            {
                new ClusterLoadAssignment.Types.Policy.Types.DropOverload
                {
                    Category = "all",
                    DropPercentage = new Envoy.Type.V3.FractionalPercent { Numerator = 100 },
                },
            },
        };
        fixture.Subscriptions.Push("c", assignment);
        Assert.Same(EndReasons.UnconditionalDropOverload, fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference("c").Current!).Drop());
        Assert.NotNull(Pick(fixture, "c").Host);
    });

    [Fact]
    public void Cluster_Removed_ReferenceIsEmptyAndSubscriptionEnds() => Run(fixture =>
    {
        fixture.Apply(Eds("c"));
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first));
        fixture.Clusters.Apply([], ["c"], []);
        Assert.Null(fixture.Context.Clusters.Reference("c").Current);
        Assert.Empty(fixture.Subscriptions.Subscribers);
    });

    [Fact]
    public void Cluster_UnknownType_IsRejectedByNameAndOthersApply() => Run(fixture =>
    {
        var odd = new Cluster { Name = "odd", ClusterType = new Cluster.Types.CustomClusterType { Name = "envoy.clusters.redis" } };
        RejectedResource rejected = Assert.Single(fixture.Apply(odd, TransportFixture.StaticCluster("c", s_first)));
        Assert.Equal("odd", rejected.Name);
        Assert.Contains("envoy.clusters.redis", rejected.Reason, StringComparison.Ordinal);
        Assert.NotNull(fixture.Context.Clusters.Reference("c").Current);
    });

    [Fact]
    public void Cluster_Http2OptionOutOfRange_IsRejectedByField() => Run(fixture =>
    {
        Cluster bad = TransportFixture.StaticCluster("bad", s_first);
        bad.TypedExtensionProtocolOptions.Add("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", Any.Pack(new UpstreamOptions
        {
            ExplicitHttpConfig = new() { Http2ProtocolOptions = new() { InitialStreamWindowSize = 1 } },
        }));
        RejectedResource rejected = Assert.Single(fixture.Apply(bad, TransportFixture.StaticCluster("c", s_first)));
        Assert.Contains(
            "explicit_http_config.http2_protocol_options.initial_stream_window_size: 1 is not between", rejected.Reason, StringComparison.Ordinal);
        Assert.NotNull(fixture.Context.Clusters.Reference("c").Current);
    });

    [Fact]
    public void Cluster_HeaderFormatterOfAnotherType_IsRejectedByField() => Run(fixture =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", s_first);
        var formatter = new TypedExtensionConfig { Name = "mine", TypedConfig = Any.Pack(new Duration()) };
        cluster.TypedExtensionProtocolOptions.Add("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", Any.Pack(new UpstreamOptions
        {
            ExplicitHttpConfig = new()
            {
                HttpProtocolOptions = new() { HeaderKeyFormat = new() { StatefulFormatter = formatter } },
            },
        }));
        Assert.Contains("http_protocol_options.header_key_format.stateful_formatter.typed_config: the header formatter 'google.protobuf.Duration' does not",
            Assert.Single(fixture.Apply(cluster)).Reason, StringComparison.Ordinal);
    });

    [Fact]
    public void Cluster_BreakerOfUnknownPriority_IsRejectedByField() => Run(fixture =>
    {
        Cluster bad = TransportFixture.StaticCluster("bad", s_first);
        bad.CircuitBreakers = new() { Thresholds = { new CircuitBreakers.Types.Thresholds { Priority = (Envoy.Config.Core.V3.RoutingPriority)7 } } };
        RejectedResource rejected = Assert.Single(fixture.Apply(bad, TransportFixture.StaticCluster("c", s_first)));
        Assert.Contains("circuit_breakers.thresholds: priority 7", rejected.Reason, StringComparison.Ordinal);
    });

    [Fact]
    public void Cluster_StrictDns_FollowsAnswersAndKeepsHostsOnFailure()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            NetAddress answer = NetAddress.IPv4(10, 9, 0, 1, 0);
            fixture.Resolver.Answers["db.local"] = new NameAnswer([answer], 0, null);
            Cluster cluster = TransportFixture.StaticCluster("c");
            cluster.Type = Cluster.Types.DiscoveryType.StrictDns;
            cluster.LoadAssignment.Endpoints[0].LbEndpoints.Add(new LbEndpoint
            {
                Endpoint = new Endpoint
                {
                    Address = new Address { SocketAddress = new SocketAddress { Address = "db.local", PortValue = 5432 } },
                },
            });
            Assert.Empty(fixture.Apply(cluster));
            ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
            Assert.Equal(answer.WithPort(5432), Assert.Single(state.Hosts.All).Address);
            Assert.Equal("db.local", state.Hosts.All[0].Hostname);
            fixture.Resolver.Answers["db.local"] = new NameAnswer([answer, NetAddress.IPv4(10, 9, 0, 2, 0)], 0, null);
            clock.Advance(TimeSpan.FromSeconds(6));
            await TestPeers.UntilAsync(loop, () => state.Hosts.All.Length == 2);
            fixture.Resolver.Answers.Clear();
            int asked = fixture.Resolver.Asked;
            clock.Advance(TimeSpan.FromSeconds(6));
            await TestPeers.UntilAsync(loop, () => fixture.Resolver.Asked > asked);
            Assert.Equal(2, state.Hosts.All.Length);
        });
    }

    [Theory]
    [InlineData(true, 30, 30)]
    [InlineData(true, 0, 5)]
    [InlineData(false, 30, 5)]
    public void Cluster_StrictDns_RefreshesAfterTheTtlOrTheRate(bool respectsTtl, int ttlSeconds, int expectedSeconds)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            fixture.Resolver.Answers["db.local"] = new NameAnswer([NetAddress.IPv4(10, 9, 0, 1, 0)], ttlSeconds * 1000, null);
            Cluster cluster = DnsCluster();
            cluster.RespectDnsTtl = respectsTtl;
            Assert.Empty(fixture.Apply(cluster));
            Assert.Equal(1, fixture.Resolver.Asked);
            clock.Advance(TimeSpan.FromSeconds(expectedSeconds - 0.1));
            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.Equal(1, fixture.Resolver.Asked);
            clock.Advance(TimeSpan.FromSeconds(0.2));
            await TestPeers.UntilAsync(loop, () => fixture.Resolver.Asked == 2);
        });
    }

    [Fact]
    public void Cluster_DnsFails_TriesAgainWithinTheFailureRate()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            Cluster cluster = DnsCluster();
            cluster.DnsRefreshRate = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromHours(1));
            cluster.DnsFailureRefreshRate = new Cluster.Types.RefreshRate
            {
                BaseInterval = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
                MaxInterval = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
            };
            Assert.Empty(fixture.Apply(cluster));
            Assert.Equal(1, fixture.Counter("cluster.c.update_failure"));
            for (int i = 2; i < 8; i++)
            {
                clock.Advance(TimeSpan.FromSeconds(2.1));
                await TestPeers.UntilAsync(loop, () => fixture.Resolver.Asked >= i);
            }
        });
    }

    [Fact]
    public void Cluster_DnsResolverOfUnknownType_IsRejectedByField()
    {
        LoopRunner.Run(loop =>
        {
            var fixture = new TransportFixture(loop);
            Cluster cluster = DnsCluster();
            cluster.TypedDnsResolverConfig = new TypedExtensionConfig
            {
                Name = "mine",
                TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(new Google.Protobuf.WellKnownTypes.Empty()),
            };
            Assert.StartsWith("typed_dns_resolver_config: extension 'mine'", Assert.Single(fixture.Apply(cluster)).Reason);
            return Task.CompletedTask;
        });
    }

    private static Cluster DnsCluster()
    {
        Cluster cluster = TransportFixture.StaticCluster("c");
        cluster.Type = Cluster.Types.DiscoveryType.StrictDns;
        cluster.LoadAssignment.Endpoints[0].LbEndpoints.Add(new LbEndpoint
        {
            Endpoint = new Endpoint
            {
                Address = new Address { SocketAddress = new SocketAddress { Address = "db.local", PortValue = 5432 } },
            },
        });
        return cluster;
    }

    [Fact]
    public void Cluster_OriginalDestination_MakesTheHostAndForgetsItWhenUnused()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            fixture.Apply(new Cluster
            {
                Name = "c",
                Type = Cluster.Types.DiscoveryType.OriginalDst,
                LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,
            });
            WorkerCluster cluster = fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference("c").Current!);
            Host host = cluster.Pick(new LoadBalancingRequest { OriginalDestination = s_first }).Host!;
            var pool = new RecordingPool();
            host.Slot(0) = pool;
            Assert.Equal(s_first, host.Address);
            Assert.Same(host, cluster.Pick(new LoadBalancingRequest { OriginalDestination = s_first }).Host);
            Assert.Null(cluster.Pick(default).Host);
            clock.Advance(TimeSpan.FromSeconds(11));
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(11));
            await TestPeers.UntilAsync(loop, () => pool.LeftCount == 1);
            Assert.NotSame(host, cluster.Pick(new LoadBalancingRequest { OriginalDestination = s_first }).Host);
        });
    }

    [Fact]
    public void Subsets_ByMetadata_ChooseTheirHostsAndFailWithoutFallback() => Run(fixture =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", s_first, s_second);
        cluster.LbSubsetConfig = new Cluster.Types.LbSubsetConfig
        {
            SubsetSelectors = { new Cluster.Types.LbSubsetConfig.Types.LbSubsetSelector { Keys = { "version" } } },
        };
        Mark(cluster, 0, "v1");
        Mark(cluster, 1, "v2");
        fixture.Apply(cluster);
        SubsetMatch v2 = SubsetMatch.Create([new("version", MetadataText.Of(Value.ForString("v2")))])!;
        SubsetMatch v3 = SubsetMatch.Create([new("version", MetadataText.Of(Value.ForString("v3")))])!;
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(s_second, Pick(fixture, "c", v2).Host!.Address);
        }

        Assert.Null(Pick(fixture, "c", v3).Host);
    });

    [Fact]
    public void Retry_HostToAvoid_IsPassedByWhileAnotherExists() => Run(fixture =>
    {
        fixture.Apply(TransportFixture.StaticCluster("c", s_first, s_second));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        WorkerCluster cluster = fixture.Workers.All[0].Cluster(state);
        Host?[] avoid = [state.Hosts.All[0]];
        for (int i = 0; i < 20; i++)
        {
            Assert.Same(state.Hosts.All[1], cluster.Pick(new LoadBalancingRequest { Avoid = avoid, ReselectMax = 5 }).Host);
        }
    });

    [Fact]
    public void Breaker_RetryBudget_AllowsTheShareAndTheFloor()
    {
        var breaker = new CircuitBreaker(new CircuitBreakerConfig { RetryBudget = new RetryBudget(20, 3) });
        for (int i = 0; i < 3; i++)
        {
            Assert.True(breaker.TryAcquireRetry());
        }

        Assert.False(breaker.TryAcquireRetry());
        for (int i = 0; i < 20; i++)
        {
            breaker.Requests.Acquire();
        }

        Assert.True(breaker.TryAcquireRetry());
        Assert.False(breaker.TryAcquireRetry());
    }

    private static void Mark(Cluster cluster, int endpoint, string version)
    {
        var fields = new Struct { Fields = { ["version"] = Value.ForString(version) } };
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[endpoint].Metadata =
            new Metadata { FilterMetadata = { [EndpointMetadata.SubsetNamespace] = fields } };
    }

    private static HostPick Pick(TransportFixture fixture, string cluster, SubsetMatch? subset = null) =>
        fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference(cluster).Current!)
            .Pick(new LoadBalancingRequest { Subset = subset });

    private static Cluster Eds(string name) => new()
    {
        Name = name,
        Type = Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } },
    };

    private static void Run(Action<TransportFixture> body) => LoopRunner.Run(loop =>
    {
        body(new TransportFixture(loop));
        return Task.CompletedTask;
    });

    private sealed class RecordingPool : IHostPool
    {
        public int LeftCount { get; private set; }

        public void OnHostLeft() => LeftCount++;

        public void OnConnectionGone()
        {
        }

        public void OnHostUnhealthy()
        {
        }
    }
}
