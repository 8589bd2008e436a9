using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Pilotfish.ControlPlane.Translation.Listeners;

namespace Pilotfish.ControlPlane.Tests.Translation;

public sealed class ListenerGeneratorTests
{
    [Fact]
    public void Bookinfo_YieldsSharedHttpListenerAddressListenersAndVirtualOnes()
    {
        var names = Generate(Manifests.Bookinfo).ConvertAll(static l => l.Name);

        // Oldest first means by name here: auto, db, mysql, ratings, reviews.
        Assert.Equal(
            ["10.96.0.13_7000", "10.0.0.5_5432", "10.96.0.12_6000", "0.0.0.0_9080", "virtualOutbound", "virtualInbound"], names);
    }

    [Fact]
    public void HttpListener_SniffsAndFetchesRoutesOfItsPort()
    {
        var listener = Find(Manifests.Bookinfo, "0.0.0.0_9080");
        var chain = Assert.Single(listener.FilterChains);
        Assert.Equal(["http/1.1", "h2c"], chain.FilterChainMatch.ApplicationProtocols);
        Assert.Equal("raw_buffer", chain.FilterChainMatch.TransportProtocol);
        Assert.Equal(false, listener.BindToPort);
        Assert.True(listener.ContinueOnListenerFiltersTimeout);
        Assert.Equal(["envoy.filters.listener.http_inspector"], listener.ListenerFilters.Select(static f => f.Name));
        Assert.Equal("PassthroughFilterChain", listener.DefaultFilterChain.Name);
        var manager = chain.Filters[^1].TypedConfig.Unpack<HttpConnectionManager>();
        Assert.Equal("9080", manager.Rds.RouteConfigName);
        Assert.Equal("outbound_0.0.0.0_9080;", manager.StatPrefix);
        Assert.Equal("", manager.ServerName);
        Assert.Equal(
            ["istio.metadata_exchange", "envoy.filters.http.grpc_stats", "istio.alpn", "envoy.filters.http.fault",
                "envoy.filters.http.cors", "istio.stats", "envoy.filters.http.router"],
            manager.HttpFilters.Select(static f => f.Name));
    }

    [Fact]
    public void UndeclaredPort_HasTcpDefaultAndHttpChainForItsOwnService()
    {
        var listener = Find(Manifests.Bookinfo, "10.96.0.13_7000");
        var http = Assert.Single(listener.FilterChains);
        Assert.Equal("auto.other.svc.cluster.local:7000", http.Filters[^1].TypedConfig.Unpack<HttpConnectionManager>().Rds.RouteConfigName);
        Assert.Equal(
            "outbound|7000||auto.other.svc.cluster.local",
            listener.DefaultFilterChain.Filters[^1].TypedConfig.Unpack<TcpProxy>().Cluster);
    }

    // Nothing but a mistake gives two services one address, but it must not cost a proxy its listeners.
    [Theory]
    [InlineData("both TCP", "tcp-a", "tcp-b", "10.96.0.50_7000")]
    [InlineData("both HTTP", "http-a", "http-b", "0.0.0.0_7000")]
    [InlineData("one of each", "tcp-a", "http-b", "10.96.0.50_7000")]
    public void TwoServices_OnOneAddressAndPort_ShareOneListenerOfTheFirst(string label, string first, string second, string listener)
    {
        const string Two = """
            apiVersion: v1
            kind: Service
            metadata: {name: a, creationTimestamp: "2024-01-01T00:00:00Z"}
            spec: {clusterIP: 10.96.0.50, selector: {app: a}, ports: [{name: FIRST, port: 7000}]}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: b, creationTimestamp: "2024-01-02T00:00:00Z"}
            spec: {clusterIP: 10.96.0.50, selector: {app: b}, ports: [{name: SECOND, port: 7000}]}
            """;
        var listeners = Generate(Two.Replace("FIRST", first, StringComparison.Ordinal).Replace("SECOND", second, StringComparison.Ordinal));

        Assert.Equal(listeners.Count, listeners.Select(static l => l.Name).Distinct().Count());
        Assert.Contains(listener, listeners.Select(static l => l.Name));
        if (label == "both TCP")
        {
            var chain = Assert.Single(listeners.Single(l => l.Name == listener).FilterChains);
            Assert.Equal("outbound|7000||a.default.svc.cluster.local", chain.Filters[^1].TypedConfig.Unpack<TcpProxy>().Cluster);
        }
    }

    [Fact]
    public void TcpListener_IsOneChainWithStatsAndProxy()
    {
        var listener = Find(Manifests.Bookinfo, "10.96.0.12_6000");
        var chain = Assert.Single(listener.FilterChains);
        Assert.Equal(["istio.stats", "envoy.filters.network.tcp_proxy"], chain.Filters.Select(static f => f.Name));
        Assert.Equal("PassthroughFilterChain", listener.DefaultFilterChain?.Name ?? "PassthroughFilterChain");
        Assert.Empty(listener.ListenerFilters);
    }

    [Fact]
    public void VirtualOutbound_GuardsItselfAndPassesTheRest()
    {
        var listener = Find(Manifests.Bookinfo, "virtualOutbound");
        Assert.Equal(true, listener.UseOriginalDst);
        Assert.Equal(["virtualOutbound-blackhole", "virtualOutbound-catchall-tcp"], listener.FilterChains.Select(static c => c.Name));
        Assert.Equal(15001u, listener.FilterChains[0].FilterChainMatch.DestinationPort);
        Assert.Equal("PassthroughCluster", listener.FilterChains[1].Filters[^1].TypedConfig.Unpack<TcpProxy>().Cluster);
    }

    [Fact]
    public void VirtualInbound_WithoutIdentity_HasPlaintextChains()
    {
        var listener = Find(Manifests.Bookinfo, "virtualInbound");
        Assert.Equal(
            ["virtualInbound-blackhole", "virtualInbound-catchall-http", "virtualInbound", "0.0.0.0_8080"],
            listener.FilterChains.Select(static c => c.Name));
        var chain = listener.FilterChains[^1];
        Assert.Equal(8080u, chain.FilterChainMatch.DestinationPort);
        var manager = chain.Filters[^1].TypedConfig.Unpack<HttpConnectionManager>();
        Assert.Equal("istio-envoy", manager.ServerName);
        Assert.Equal("inbound|8080||", manager.RouteConfig.Name);
        Assert.Equal("inbound|http|9080", manager.RouteConfig.VirtualHosts[0].Name);
        Assert.Equal("reset-before-request", manager.RouteConfig.VirtualHosts[0].Routes[0].Route_.RetryPolicy.RetryOn);
        Assert.DoesNotContain(manager.HttpFilters, static f => f.Name == "istio.alpn");
        Assert.Equal(
            ["envoy.filters.listener.original_dst", "envoy.filters.listener.http_inspector"],
            listener.ListenerFilters.Select(static f => f.Name));
    }

    [Fact]
    public void VirtualInbound_WithIdentity_HasPermissiveChains()
    {
        var mesh = new Mesh(Manifests.Bookinfo, identity: true);
        var listener = ListenerGenerator.Generate(mesh.Push, mesh.Proxy)[^1];
        Assert.Equal(1 + 5 + 2, listener.FilterChains.Count);
        Assert.NotNull(listener.FilterChains[1].TransportSocket);
        Assert.Equal("tls", listener.FilterChains[^2].FilterChainMatch.TransportProtocol);
        Assert.Contains(listener.ListenerFilters, static f => f.Name == "envoy.filters.listener.tls_inspector");
    }

    [Fact]
    public void RegistryOnly_SendsUnknownTrafficToTheBlackHole()
    {
        var mesh = new Mesh(Manifests.Bookinfo, static m => m.OutboundTrafficPolicy.Mode =
            Istio.Mesh.V1Alpha1.MeshConfig.Types.OutboundTrafficPolicy.Types.Mode.RegistryOnly);
        var listener = ListenerGenerator.Generate(mesh.Push, mesh.Proxy).Single(static l => l.Name == "virtualOutbound");
        Assert.Equal("BlackHoleCluster", listener.FilterChains[1].Filters[^1].TypedConfig.Unpack<TcpProxy>().Cluster);
    }

    [Fact]
    public void AccessLogFile_AddsLogsToManagersProxiesAndListeners()
    {
        var mesh = new Mesh(Manifests.Bookinfo, static m => m.AccessLogFile = "/dev/stdout");
        var inbound = ListenerGenerator.Generate(mesh.Push, mesh.Proxy)[^1];
        Assert.Equal(["NR"], Assert.Single(inbound.AccessLog).Filter.ResponseFlagFilter.Flags);
        Assert.Single(inbound.FilterChains[^1].Filters[^1].TypedConfig.Unpack<HttpConnectionManager>().AccessLog);
        Assert.Empty(inbound.FilterChains[0].Filters[^1].TypedConfig.Unpack<TcpProxy>().AccessLog);
    }

    [Fact]
    public void TcpRoute_WithWeights_BecomesWeightedClusters()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: mysql}
            spec:
              hosts: [mysql]
              tcp:
              - match: [{port: 6000}]
                route:
                - destination: {host: mysql, subset: a}
                  weight: 80
                - destination: {host: mysql, subset: b}
                  weight: 20
            """;
        var listener = Find(Manifests.Bookinfo + "\n---\n" + Rule, "10.96.0.12_6000");
        var tcp = listener.FilterChains[0].Filters[^1].TypedConfig.Unpack<TcpProxy>();
        Assert.Equal("mysql.default", tcp.StatPrefix);
        Assert.Equal(
            ["outbound|6000|a|mysql.default.svc.cluster.local", "outbound|6000|b|mysql.default.svc.cluster.local"],
            tcp.WeightedClusters.Clusters.Select(static c => c.Name));
    }

    [Fact]
    public void HttpAndTcpOnOneWildcardPort_ShareTheListener()
    {
        const string External = """
            apiVersion: v1
            kind: Service
            metadata: {name: a-tcp}
            spec: {ports: [{name: tcp, port: 9080}]}
            """;
        var listener = Find(External + "\n---\n" + Manifests.Bookinfo, "0.0.0.0_9080");
        Assert.Single(listener.FilterChains);
        Assert.Equal("outbound|9080||a-tcp.default.svc.cluster.local", listener.DefaultFilterChain.Filters[^1].TypedConfig.Unpack<TcpProxy>().Cluster);
    }

    private static List<Listener> Generate(string manifests)
    {
        var mesh = new Mesh(manifests);
        return ListenerGenerator.Generate(mesh.Push, mesh.Proxy);
    }

    private static Listener Find(string manifests, string name) => Generate(manifests).Single(listener => listener.Name == name);
}
