using Envoy.Config.Cluster.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.ControlPlane.Translation.Clusters;

namespace Pilotfish.ControlPlane.Tests.Translation;

public sealed class ClusterGeneratorTests
{
    [Fact]
    public void Bookinfo_YieldsServicesSpecialAndInboundClusters()
    {
        Assert.Equal(
            [
                "outbound|7000||auto.other.svc.cluster.local", "outbound|5432||db.default.svc.cluster.local",
                "outbound|6000||mysql.default.svc.cluster.local", "outbound|9080||ratings.default.svc.cluster.local",
                "outbound|9080||reviews.default.svc.cluster.local", "BlackHoleCluster", "PassthroughCluster", "inbound|8080||",
                "InboundPassthroughCluster",
            ],
            Generate(Manifests.Bookinfo).Select(static c => c.Name));
    }

    [Fact]
    public void ServiceCluster_HasIstiosDefaults()
    {
        var cluster = Find(Manifests.Bookinfo, "outbound|9080||reviews.default.svc.cluster.local");
        Assert.Equal(Cluster.Types.DiscoveryType.Eds, cluster.Type);
        Assert.Equal(cluster.Name, cluster.EdsClusterConfig.ServiceName);
        Assert.Equal(Cluster.Types.LbPolicy.LeastRequest, cluster.LbPolicy);
        Assert.Equal(10, cluster.ConnectTimeout.Seconds);
        Assert.Equal(uint.MaxValue, cluster.CircuitBreakers.Thresholds[0].MaxConnections);
        Assert.Equal("istio.metadata_exchange", Assert.Single(cluster.Filters).Name);
        Assert.Equal(cluster.Name + ";", cluster.AltStatName);
        var service = cluster.Metadata.FilterMetadata["istio"].Fields["services"].ListValue.Values[0].StructValue;
        Assert.Equal("reviews", service.Fields["name"].StringValue);
        Assert.Empty(cluster.TransportSocketMatches);
        Assert.Empty(cluster.TypedExtensionProtocolOptions);
    }

    [Fact]
    public void HeadlessService_GoesToTheOriginalDestination()
    {
        var cluster = Find(Manifests.Bookinfo, "outbound|5432||db.default.svc.cluster.local");
        Assert.Equal(Cluster.Types.DiscoveryType.OriginalDst, cluster.Type);
        Assert.Equal(Cluster.Types.LbPolicy.ClusterProvided, cluster.LbPolicy);
    }

    [Fact]
    public void SniffedPort_SpeaksWhatTheClientSpoke()
    {
        var options = Find(Manifests.Bookinfo, "outbound|7000||auto.other.svc.cluster.local")
            .TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].Unpack<HttpProtocolOptions>();
        Assert.NotNull(options.UseDownstreamProtocolConfig);
    }

    [Fact]
    public void DestinationRule_ShapesClusterAndSubsets()
    {
        const string Manifest = Manifests.Bookinfo + "\n---\n" + Manifests.ReviewsRule;
        var main = Find(Manifest, "outbound|9080||reviews.default.svc.cluster.local");
        var v1 = Find(Manifest, "outbound|9080|v1|reviews.default.svc.cluster.local");
        var v2 = Find(Manifest, "outbound|9080|v2|reviews.default.svc.cluster.local");
        Assert.Equal(Cluster.Types.LbPolicy.RoundRobin, main.LbPolicy);
        Assert.Equal(Cluster.Types.LbPolicy.RoundRobin, v1.LbPolicy);
        Assert.Equal(Cluster.Types.LbPolicy.Random, v2.LbPolicy);
        Assert.Equal(7u, v2.CircuitBreakers.Thresholds[0].MaxConnections);
        Assert.Equal(3, main.ConnectTimeout.Seconds);
        Assert.Equal("v1", v1.Metadata.FilterMetadata["istio"].Fields["subset"].StringValue);
        Assert.Equal(
            "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews",
            main.Metadata.FilterMetadata["istio"].Fields["config"].StringValue);
    }

    /// <summary>Data planes refuse a keepalive without a time limit for its answer.</summary>
    [Theory]
    [InlineData("interval: 30s, timeout: 5s", 30, 5)]
    [InlineData("interval: 30s", 30, 20)]
    public void Http2KeepAlive_AlwaysHasATimeLimit(string given, int interval, int timeout)
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: r}
            spec:
              host: reviews.default.svc.cluster.local
              trafficPolicy:
                connectionPool:
                  http:
                    h2UpgradePolicy: UPGRADE
                    http2KeepAlive: {GIVEN}
            """;
        string manifest = Manifests.Bookinfo + "\n---\n" + Rule.Replace("GIVEN", given, StringComparison.Ordinal);
        var options = Find(manifest, "outbound|9080||reviews.default.svc.cluster.local")
            .TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].Unpack<HttpProtocolOptions>();
        var keepalive = options.ExplicitHttpConfig.Http2ProtocolOptions.ConnectionKeepalive;
        Assert.Equal((interval, timeout), ((int)keepalive.Interval.Seconds, (int)keepalive.Timeout.Seconds));
    }

    [Fact]
    public void InboundCluster_GoesToThePodFromTheMarkedSource()
    {
        var cluster = Find(Manifests.Bookinfo, "inbound|8080||");
        Assert.Equal(Cluster.Types.DiscoveryType.OriginalDst, cluster.Type);
        Assert.Equal("127.0.0.6", cluster.UpstreamBindConfig.SourceAddress.Address);
        Assert.Empty(cluster.Filters);
    }

    [Fact]
    public void OutlierDetection_SetsCountsAndPanicThreshold()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: r}
            spec:
              host: reviews.default.svc.cluster.local
              trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3, interval: 5s, baseEjectionTime: 30s, maxEjectionPercent: 50}}
            """;
        var cluster = Find(Manifests.Bookinfo + "\n---\n" + Rule, "outbound|9080||reviews.default.svc.cluster.local");
        Assert.Equal(3u, cluster.OutlierDetection.Consecutive5Xx);
        Assert.Equal(100u, cluster.OutlierDetection.EnforcingConsecutive5Xx);
        Assert.Equal(0u, cluster.OutlierDetection.EnforcingSuccessRate);
        Assert.Equal(0, cluster.CommonLbConfig.HealthyPanicThreshold.Value);
    }

    [Fact]
    public void DnsServiceEntry_IsStrictDnsWithItsHostAsEndpoint()
    {
        const string Entry = """
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: ext}
            spec: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, location: MESH_EXTERNAL}
            """;
        var cluster = Find(Entry, "outbound|443||api.example.com");
        Assert.Equal(Cluster.Types.DiscoveryType.StrictDns, cluster.Type);
        Assert.Equal("api.example.com", cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address);
        Assert.True(cluster.Metadata.FilterMetadata["istio"].Fields["external"].BoolValue);
    }

    // istio pilot/pkg/networking/core/cluster_tls.go: without a name in the rule, TLS asks for the host of each request.
    [Theory]
    [InlineData("mode: SIMPLE", true, true)]
    [InlineData("mode: SIMPLE, subjectAltNames: [a.example]", true, false)]
    [InlineData("mode: SIMPLE, insecureSkipVerify: true", true, false)]
    [InlineData("mode: SIMPLE, sni: a.example", false, false)]
    [InlineData("mode: MUTUAL, clientCertificate: /c, privateKey: /k", true, true)]
    [InlineData("mode: DISABLE", false, false)]
    public void TlsOfARule_WithoutSni_AsksForTheRequestsHost(string tls, bool sni, bool san)
    {
        string rule = $$"""
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: r}
            spec: {host: reviews.default.svc.cluster.local, trafficPolicy: {tls: { {{tls}} } } }
            """;
        var cluster = Find(Manifests.Bookinfo + "\n---\n" + rule, "outbound|9080||reviews.default.svc.cluster.local");
        cluster.TypedExtensionProtocolOptions.TryGetValue("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", out var packed);
        var options = packed?.Unpack<HttpProtocolOptions>().UpstreamHttpProtocolOptions;
        Assert.Equal((sni, san), (options?.AutoSni ?? false, options?.AutoSanValidation ?? false));
    }

    [Fact]
    public void WithIdentity_ClustersOfferMutualTlsPerEndpoint()
    {
        var mesh = new Mesh(Manifests.Bookinfo, identity: true);
        var cluster = ClusterGenerator.Generate(mesh.Push, mesh.Proxy).Single(static c => c.Name.Contains("reviews", StringComparison.Ordinal));
        Assert.Equal(["tlsMode-istio", "tlsMode-disabled"], cluster.TransportSocketMatches.Select(static m => m.Name));
    }

    private static List<Cluster> Generate(string manifests)
    {
        var mesh = new Mesh(manifests);
        return ClusterGenerator.Generate(mesh.Push, mesh.Proxy);
    }

    private static Cluster Find(string manifests, string name) => Generate(manifests).Single(cluster => cluster.Name == name);
}
