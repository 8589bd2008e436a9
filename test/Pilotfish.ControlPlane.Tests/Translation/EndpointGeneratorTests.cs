using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Names;

namespace Pilotfish.ControlPlane.Tests.Translation;

public sealed class EndpointGeneratorTests
{
    [Fact]
    public void Pods_BackTheServiceThatSelectsThem()
    {
        var endpoints = Addresses("outbound|9080||reviews.default.svc.cluster.local", Manifests.Bookinfo);
        Assert.Equal(["10.0.0.1:9080", "10.0.0.2:9080"], endpoints);
    }

    [Fact]
    public void NamedTargetPort_ResolvesAndUnreadyPodsStayOut() =>
        Assert.Equal(["10.0.0.3:8080"], Addresses("outbound|9080||ratings.default.svc.cluster.local", Manifests.Bookinfo));

    [Fact]
    public void Subset_HoldsPodsWithItsLabels() => Assert.Equal(
        ["10.0.0.2:9080"],
        Addresses("outbound|9080|v2|reviews.default.svc.cluster.local", Manifests.Bookinfo + "\n---\n" + Manifests.ReviewsRule));

    [Theory]
    [InlineData("outbound|9080|v9|reviews.default.svc.cluster.local")]
    [InlineData("outbound|1||reviews.default.svc.cluster.local")]
    [InlineData("nonsense")]
    public void UnknownCluster_GetsAnEmptyAssignment(string name) => Assert.Empty(Addresses(name, Manifests.Bookinfo));

    [Fact]
    public void EndpointSlice_WinsOverSelection()
    {
        const string Slice = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: s, labels: {kubernetes.io/service-name: reviews}}
            addressType: IPv4
            ports: [{name: http, port: 1234}]
            endpoints:
            - addresses: [10.0.0.1]
              conditions: {ready: true}
              targetRef: {kind: Pod, name: reviews-v1-abc-1}
            - addresses: [10.0.0.9]
              conditions: {ready: false}
            """;
        Assert.Equal(["10.0.0.1:1234"], Addresses("outbound|9080||reviews.default.svc.cluster.local", Manifests.Bookinfo + "\n---\n" + Slice));
    }

    // The kubelet gives a finished pod's address to the next one while the old object is still there.
    [Theory]
    [InlineData("finished", "status: {podIP: 10.0.0.3, phase: Failed, conditions: [{type: Ready, status: \"True\"}]}")]
    [InlineData("not ready", "status: {podIP: 10.0.0.3, phase: Running, conditions: [{type: Ready, status: \"False\"}]}")]
    public void PodAddress_TakenOverByAnotherServicesPod_BelongsToThatOneAlone(string label, string oldStatus)
    {
        string manifests = Manifests.Bookinfo + $"\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: reviews-old, labels: {{app: reviews}}}}\n{oldStatus}\n";
        Assert.Equal(["10.0.0.1:9080", "10.0.0.2:9080"], Addresses("outbound|9080||reviews.default.svc.cluster.local", manifests));
        Assert.True(
            Addresses("outbound|9080||ratings.default.svc.cluster.local", manifests) is ["10.0.0.3:8080"],
            $"the old pod is {label}");
        var mesh = new Mesh(manifests);
        Assert.Contains(mesh.Proxy.Targets, target => target.Service.Hostname == "ratings.default.svc.cluster.local");
        Assert.DoesNotContain(mesh.Proxy.Targets, target => target.Service.Hostname == "reviews.default.svc.cluster.local");
    }

    [Fact]
    public void Endpoint_NamesItsWorkload()
    {
        var mesh = new Mesh(Manifests.Bookinfo);
        var endpoint = EndpointGenerator.Generate(mesh.Push, mesh.Proxy, "outbound|9080||reviews.default.svc.cluster.local").Endpoints[0].LbEndpoints[0];
        Assert.Equal("reviews-v1;default;reviews;v1;Kubernetes", endpoint.Metadata.FilterMetadata["istio"].Fields["workload"].StringValue);
    }

    [Fact]
    public void NameTable_HoldsServicesAndHeadlessPods()
    {
        var mesh = new Mesh(Manifests.Bookinfo);
        var table = NameTableGenerator.Generate(mesh.Push, mesh.Proxy).Table;
        Assert.Equal(["10.96.0.10"], table["reviews.default.svc.cluster.local"].Ips);
        Assert.Equal("reviews", table["reviews.default.svc.cluster.local"].Shortname);
        Assert.Equal(["10.0.0.5"], table["db.default.svc.cluster.local"].Ips);
        Assert.Equal("db-0.db", table["db-0.db.default.svc.cluster.local"].Shortname);
    }

    private static List<string> Addresses(string cluster, string manifests)
    {
        var mesh = new Mesh(manifests);
        return [.. EndpointGenerator.Generate(mesh.Push, mesh.Proxy, cluster).Endpoints.SelectMany(static l => l.LbEndpoints)
            .Select(static e => $"{e.Endpoint.Address.SocketAddress.Address}:{e.Endpoint.Address.SocketAddress.PortValue}").Order(StringComparer.Ordinal)];
    }
}
