using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>lb_subset_config: which hosts a request's metadata leads to, what follows when there are none, and what is counted.</summary>
public sealed class SubsetTests
{
    private const string Selectors = """ "subset_selectors": [{"keys": ["v"]}] """;

    /// <summary>The policy, what the request asks for, the hosts that may serve it ("" = none), and selected, fallback and panic as counted for each pick.</summary>
    [Theory]
    [InlineData("""{"subset_selectors": [{"keys": ["v"]}]}""", """{"v": "1"}""", "ab", "100")]
    [InlineData("""{"subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "", "000")]
    [InlineData("""{"subset_selectors": [{"keys": ["v"]}]}""", "{}", "", "000")]
    [InlineData("""{"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "abcd", "010")]
    [InlineData("""{"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"e": "p"}, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "ac", "010")]
    [InlineData("""{"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"e": "none"}, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "", "000")]
    [InlineData("""{"panic_mode_any": true, "fallback_policy": "DEFAULT_SUBSET", "default_subset": {"e": "none"}, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "abcd", "001")]
    [InlineData("""{"panic_mode_any": true, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "", "000")]
    [InlineData("""{"subset_selectors": [{"keys": ["v"], "fallback_policy": "ANY_ENDPOINT"}]}""", """{"v": "9"}""", "abcd", "000")]
    [InlineData("""{"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": ["v"], "fallback_policy": "NO_FALLBACK"}]}""", """{"v": "9"}""", "", "000")]
    [InlineData("""{"subset_selectors": [{"keys": ["v", "e"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["v"]}, {"keys": ["v"]}]}""", """{"v": "2", "e": "x"}""", "cd", "100")]
    [InlineData("""{"subset_selectors": [{"keys": ["l"]}]}""", """{"l": "y"}""", "", "000")]
    [InlineData("""{"list_as_any": true, "subset_selectors": [{"keys": ["l"]}]}""", """{"l": "y"}""", "d", "100")]
    [InlineData("""{"subset_selectors": [{"keys": ["v"], "single_host_per_subset": true}]}""", """{"v": "2"}""", "c", "100")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v"]}]}""", """{"fallback_list": [{"v": "9"}, {"v": "2"}]}""", "cd", "100")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v", "e"]}]}""", """{"v": "1", "fallback_list": [{"e": "z"}, {"e": "q"}]}""", "b", "100")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v"]}]}""", """{"fallback_list": [{"v": "8"}, {"v": "9"}]}""", "", "000")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "1"}""", "ab", "100")]
    [InlineData("""{"subset_selectors": [{"keys": ["v"]}]}""", """{"v": "1", "fallback_list": [{"v": "2"}]}""", "", "000")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "1", "fallback_list": []}""", "ab", "100")]
    [InlineData("""{"metadata_fallback_policy": "FALLBACK_LIST", "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "1", "fallback_list": "no list"}""", "ab", "100")]
    [InlineData("""{"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"l": "y"}, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "", "000")]
    [InlineData("""{"list_as_any": true, "fallback_policy": "DEFAULT_SUBSET", "default_subset": {"l": "y"}, "subset_selectors": [{"keys": ["v"]}]}""", """{"v": "9"}""", "d", "010")]
    public void Request_GoesWhereThePolicySays(string config, string asks, string hosts, string counted) => Run(config, (fixture, cluster) =>
    {
        const int Picks = 40;
        var request = new LoadBalancingRequest { Subset = SubsetMatch.From(Of(asks)) };
        var seen = new SortedSet<char>();
        for (int i = 0; i < Picks; i++)
        {
            if (cluster.Pick(in request).Host is { } host)
            {
                seen.Add(host.Hostname[0]);
            }
        }

        Assert.Equal(hosts, string.Concat(seen));
        Assert.Equal(
            counted.Select(static digit => (digit - '0') * Picks),
            new[] { "lb_subsets_selected", "lb_subsets_fallback", "lb_subsets_fallback_panic" }.Select(name => (int)fixture.Counter("cluster.c." + name)));
    });

    [Theory]
    [InlineData("", 1, 3)]
    [InlineData(""" "locality_weight_aware": true,""", 2, 2)]
    [InlineData(""" "locality_weight_aware": true, "scale_locality_weight": true,""", 1, 2)]
    public void LocalityWeights_CountWithinASubset_AsThePolicySays(string flags, int first, int second) => Run($"{{{flags} {Selectors}}}", (_, cluster) =>
    {
        // Locality x has one of its two hosts in the subset, y all three; both weigh the same.
        var request = new LoadBalancingRequest { Subset = SubsetMatch.From(Of("""{"v": "s"}""")) };
        int inFirst = 0;
        const int Picks = 6000;
        for (int i = 0; i < Picks; i++)
        {
            inFirst += cluster.Pick(in request).Host!.Locality.Zone == "x" ? 1 : 0;
        }

        Assert.InRange(inFirst, (Picks * first / (first + second)) - 60, (Picks * first / (first + second)) + 60);
    }, localities: true);

    [Fact]
    public void Membership_IsCounted() => Run("""{"subset_selectors": [{"keys": ["v"], "single_host_per_subset": true}]}""", (fixture, _) =>
    {
        Assert.Equal((2, 2), (fixture.Gauge("cluster.c.lb_subsets_active"), fixture.Counter("cluster.c.lb_subsets_created")));
        Assert.Equal(2, fixture.Gauge("cluster.c.lb_subsets_single_host_per_subset_duplicate"));
    });

    [Fact]
    public void SingleHosts_OfTwoKeys_AreRefused() => LoopRunner.Run(loop =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"));
        cluster.LbSubsetConfig = Cluster.Types.LbSubsetConfig.Parser.ParseJson("""{"subset_selectors": [{"keys": ["a", "b"], "single_host_per_subset": true}]}""");
        Assert.StartsWith("lb_subset_config.subset_selectors[0].single_host_per_subset", Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("""{"locality_weight_aware": true}""", false, "lb_subset_config.locality_weight_aware: needs common_lb_config.locality_weighted_lb_config")]
    [InlineData("""{"subset_selectors": [{"keys": ["a"]}]}""", true, "lb_subset_config: does not go with CLUSTER_PROVIDED")]
    public void WhatDoesNotGoTogether_IsRefused(string config, bool provided, string reason) => LoopRunner.Run(loop =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"));
        cluster.LbSubsetConfig = Cluster.Types.LbSubsetConfig.Parser.ParseJson(config);
        cluster.LbPolicy = provided ? Cluster.Types.LbPolicy.ClusterProvided : Cluster.Types.LbPolicy.RoundRobin;
        Assert.Equal(reason, Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    [Fact]
    public void WeightedClustersList_GoesBeforeTheRoutes()
    {
        SubsetMatch? route = SubsetMatch.From(Of("""{"a": "1", "fallback_list": [{"b": "2"}]}"""));
        SubsetMatch? cluster = SubsetMatch.From(Of("""{"c": "3", "fallback_list": [{"b": "4"}, {"a": "5"}]}"""));
        SubsetMatch merged = SubsetMatch.Merge(route, cluster)!;
        Assert.Equal(["a=1,b=4,c=3", "a=5,c=3"], merged.Alternatives.Select(static one => string.Join(',', one!.Pairs.Select(static pair => $"{pair.Key}={pair.Value[1..]}"))));
    }

    private static Metadata Of(string json) => new() { FilterMetadata = { ["envoy.lb"] = Struct.Parser.ParseJson(json) } };

    private static void Run(string config, Action<TransportFixture, WorkerCluster> act, bool localities = false) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Cluster cluster = TransportFixture.StaticCluster("c");
        cluster.LbSubsetConfig = Cluster.Types.LbSubsetConfig.Parser.ParseJson(config);
        if (localities)
        {
            cluster.CommonLbConfig = new Cluster.Types.CommonLbConfig { LocalityWeightedLbConfig = new() };
        }

        (string Name, string Fields, string Zone)[] hosts = localities
            ? [("a", """{"v": "s"}""", "x"), ("b", """{"v": "t"}""", "x"), ("c", """{"v": "s"}""", "y"), ("d", """{"v": "s"}""", "y"), ("e", """{"v": "s"}""", "y")]
            : [("a", """{"v": "1", "e": "p"}""", ""), ("b", """{"v": "1", "e": "q"}""", ""), ("c", """{"v": "2", "e": "p"}""", ""), ("d", """{"v": "2", "l": ["x", "y"]}""", "")];
        cluster.LoadAssignment.Endpoints.Clear();
        foreach (IGrouping<string, (string Name, string Fields, string Zone)> group in hosts.GroupBy(static host => host.Zone))
        {
            var endpoints = new Envoy.Config.Endpoint.V3.LocalityLbEndpoints { Locality = new Envoy.Config.Core.V3.Locality { Zone = group.Key }, LoadBalancingWeight = 10 };
            foreach ((string name, string fields, _) in group)
            {
                endpoints.LbEndpoints.Add(new Envoy.Config.Endpoint.V3.LbEndpoint
                {
                    Endpoint = new Envoy.Config.Endpoint.V3.Endpoint { Hostname = name, Address = TransportFixture.Socket(NetAddress.Parse($"10.0.0.{name[0] - 'a' + 1}:1")) },
                    Metadata = Of(fields),
                });
            }

            cluster.LoadAssignment.Endpoints.Add(endpoints);
        }

        Assert.Empty(fixture.Apply(cluster));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        act(fixture, fixture.Context.Workers.All[0].Cluster(state));
        return Task.CompletedTask;
    });
}
