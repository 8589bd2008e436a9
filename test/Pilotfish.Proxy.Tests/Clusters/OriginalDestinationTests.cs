using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>ORIGINAL_DST: who says where a request goes, in which order, and what is no address.</summary>
public sealed class OriginalDestinationTests
{
    private const string Header = """{"use_http_header": true}""";
    private const string Key = """{"metadata_key": {"key": "ns", "path": [{"key": "a"}, {"key": "b"}]}}""";
    private const string Both = """{"use_http_header": true, "metadata_key": {"key": "ns", "path": [{"key": "a"}, {"key": "b"}]}, "upstream_port_override": 9}""";

    /// <summary>The config, the header's value, the metadata's and the filter state's, whether the destination was restored; where it goes and what counts as invalid.</summary>
    [Theory]
    [InlineData("{}", "", "", "", true, "10.9.9.9:99", 0)]
    [InlineData("{}", "", "", "", false, "", 0)]
    [InlineData("{}", "1.1.1.1:1", "", "", true, "10.9.9.9:99", 0)]
    [InlineData(Header, "1.1.1.1:1", "", "", true, "1.1.1.1:1", 0)]
    [InlineData(Header, "1.1.1.1:1", "", "", false, "1.1.1.1:1", 0)]
    [InlineData(Header, "[fd00::1]:80", "", "", false, "[fd00::1]:80", 0)]
    [InlineData(Header, "a.example:80", "", "", true, "10.9.9.9:99", 1)]
    [InlineData(Header, "1.1.1.1", "", "", false, "", 1)]
    [InlineData("""{"use_http_header": true, "http_header_name": "X-To"}""", "1.1.1.1:1", "", "", false, "1.1.1.1:1", 0)]
    [InlineData(Key, "", "2.2.2.2:2", "", true, "2.2.2.2:2", 0)]
    [InlineData(Key, "", "no", "", true, "10.9.9.9:99", 1)]
    [InlineData(Both, "1.1.1.1:1", "2.2.2.2:2", "", true, "2.2.2.2:9", 0)]
    [InlineData(Both, "1.1.1.1:1", "2.2.2.2:2", "3.3.3.3:3", true, "3.3.3.3:9", 0)]
    [InlineData("{}", "", "", "3.3.3.3:3", true, "3.3.3.3:3", 0)]
    [InlineData(Both, "1.1.1.1:0", "", "", false, "1.1.1.1:9", 0)]
    [InlineData(Header, "1.1.1.1:0", "", "", false, "", 0)]
    public void Host_IsWhatTheFirstSays(string config, string header, string metadata, string state, bool restored, string host, int invalid) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.OriginalDst,
            LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,
            OriginalDstLbConfig = Cluster.Types.OriginalDstLbConfig.Parser.ParseJson(config),
        }));
        ClusterState cluster = fixture.Context.Clusters.Reference("c").Current!;
        var info = new StreamInfo();
        info.Start(new ConnectionInfo { LocalAddress = NetAddress.Parse("10.9.9.9:99"), LocalAddressRestored = restored }, default, 0);
        if (metadata.Length > 0)
        {
            info.EnsureMetadata().Set("ns", MetadataValue.Of([new("a", MetadataValue.Of([new("b", MetadataValue.Of(metadata))]))]));
        }

        if (state.Length > 0)
        {
            info.EnsureFilterState().Set("envoy.network.transport_socket.original_dst_address", new FilterStateText(state));
        }

        var headers = new HeaderMap();
        if (header.Length > 0)
        {
            headers.Add(config.Contains("X-To", StringComparison.Ordinal) ? "x-to"u8 : "x-envoy-original-dst-host"u8, System.Text.Encoding.ASCII.GetBytes(header));
        }

        NetAddress destination = OriginalDestinations.Of(cluster, info, headers, fixture.Workers.All[0].Stats);
        HostPick pick = fixture.Workers.All[0].Cluster(cluster).Pick(new LoadBalancingRequest { OriginalDestination = destination });
        Assert.Equal(host, pick.Host?.AddressText ?? "");
        Assert.Equal((invalid, host.Length > 0 ? 0 : 1), (fixture.Counter("cluster.c.original_dst_host_invalid"), fixture.Counter("cluster.c.upstream_cx_none_healthy")));
        return Task.CompletedTask;
    });

    [Fact]
    public void OtherClusters_AskForNothing() => LoopRunner.Run(loop =>
    {
        ClusterState cluster = new ProxyBench(loop).AddCluster("c", NetAddress.Parse("10.0.0.1:1"));
        var info = new StreamInfo();
        info.Start(new ConnectionInfo { LocalAddress = NetAddress.Parse("10.9.9.9:99"), LocalAddressRestored = true }, default, 0);
        Assert.True(OriginalDestinations.Of(cluster, info, null, new Pilotfish.Proxy.Stats.StatsStore().Main).IsNone);
        return Task.CompletedTask;
    });

    [Fact]
    public void Request_GoesToTheHeadersHost() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddClusterWith("backend", settings => settings with
        {
            Discovery = DiscoveryKind.OriginalDestination,
            OriginalDestination = new OriginalDestinationPolicy { UsesHttpHeader = true, HeaderName = "x-envoy-original-dst-host"u8.ToArray() },
        });
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nx-envoy-original-dst-host: {upstream.Address}\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 Fine\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
    });

    /// <summary>A value of the request that is no text leaves the word to the connection's; an empty text is no address.</summary>
    [Fact]
    public void Metadata_OfTheConnection_AndEmptyText() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddClusterWith("c", settings => settings with
        {
            Discovery = DiscoveryKind.OriginalDestination,
            OriginalDestination = new OriginalDestinationPolicy { MetadataNamespace = "ns", MetadataPath = ["a"] },
        });
        var connection = new ConnectionInfo();
        var info = new StreamInfo();
        info.Start(connection, default, 0);
        connection.Metadata = new DynamicMetadata();
        connection.Metadata.Set("ns", MetadataValue.Of([new("a", MetadataValue.Of("4.4.4.4:4"))]));
        info.EnsureMetadata().Set("ns", MetadataValue.Of([new("a", MetadataValue.Of(7.0))]));
        Assert.Equal("4.4.4.4:4", OriginalDestinations.Of(cluster, info, null, bench.Workers.All[0].Stats).ToString());
        info.EnsureMetadata().Set("ns", MetadataValue.Of([new("a", MetadataValue.Of(""))]));
        Assert.True(OriginalDestinations.Of(cluster, info, null, bench.Workers.All[0].Stats).IsNone);
        Assert.Equal(1, bench.Counter("cluster.c.original_dst_host_invalid"));
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("""{"original_dst_lb_config": {"http_header_name": "x"}}""", "original_dst_lb_config.http_header_name: needs use_http_header")]
    [InlineData("""{"lb_policy": "ROUND_ROBIN"}""", "lb_policy: an ORIGINAL_DST cluster needs CLUSTER_PROVIDED")]
    [InlineData("""{"load_assignment": {"cluster_name": "c"}}""", "load_assignment: an ORIGINAL_DST cluster has no hosts of its own")]
    public void WhatDoesNotFit_IsRefused(string config, string reason) => LoopRunner.Run(loop =>
    {
        var cluster = new Cluster { Name = "c", Type = Cluster.Types.DiscoveryType.OriginalDst, LbPolicy = Cluster.Types.LbPolicy.ClusterProvided };
        Cluster more = Cluster.Parser.ParseJson(config);
        cluster.MergeFrom(more);
        cluster.LbPolicy = config.Contains("ROUND", StringComparison.Ordinal) ? more.LbPolicy : cluster.LbPolicy;
        Assert.Equal(reason, Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    [Fact]
    public void PortOverride_AboveTheLast_IsRefused() => LoopRunner.Run(loop =>
    {
        var cluster = new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.OriginalDst,
            LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,
            OriginalDstLbConfig = new Cluster.Types.OriginalDstLbConfig { UpstreamPortOverride = 70000 },
        };
        Assert.StartsWith("original_dst_lb_config.upstream_port_override", Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });
}
