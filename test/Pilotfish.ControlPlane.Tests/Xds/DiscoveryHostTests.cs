using System.Net;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Tests.Translation;
using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Xds;

/// <summary>The server as a whole: real Kestrel on loopback, real gRPC, files in a temporary directory.</summary>
public sealed class DiscoveryHostTests : IAsyncLifetime
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private readonly string _directory = Directory.CreateTempSubdirectory("controlplane-").FullName;
    private DiscoveryHost _host = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        Write("mesh.yaml", Manifests.Bookinfo);
        _host = DiscoveryHost.Create(new DiscoveryOptions
        {
            ConfigDirectories = [_directory],
            GrpcAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            MonitoringAddress = "",
            SecureGrpcAddress = "",
        });
        await _host.StartAsync(CancellationToken.None);
        _http = new HttpClient { BaseAddress = _host.Addresses[1] };
        await UntilAsync(async () => (await _http.GetAsync("/ready")).StatusCode == HttpStatusCode.OK);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _host.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Subscriptions_AreAnsweredAndOnlyWhatChangedIsSentAgain()
    {
        using var proxy = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1"));
        await proxy.SubscribeAsync(TypeUrls.Cluster);
        var clusters = await proxy.AcceptAsync(TypeUrls.Cluster);
        Assert.Contains(clusters.Resources, static r => r.Name == "outbound|9080||reviews.default.svc.cluster.local");
        await proxy.SubscribeAsync(TypeUrls.RouteConfiguration, "9080");
        Assert.Equal("9080", Assert.Single((await proxy.AcceptAsync(TypeUrls.RouteConfiguration)).Resources).Name);

        // A VirtualService changes routes and no cluster.
        Write("rule.yaml", Manifests.ReviewsRule.Split("---")[0]);
        Assert.Equal("9080", Assert.Single((await proxy.AcceptAsync(TypeUrls.RouteConfiguration)).Resources).Name);

        // A DestinationRule adds subsets and changes one cluster.
        Write("subsets.yaml", Manifests.ReviewsRule.Split("---")[1]);
        var changed = await proxy.AcceptAsync(TypeUrls.Cluster);
        Assert.Equal(3, changed.Resources.Count);
        Assert.Empty(changed.RemovedResources);

        File.Delete(Path.Combine(_directory, "subsets.yaml"));
        var removed = await proxy.AcceptAsync(TypeUrls.Cluster);
        Assert.Equal(2, removed.RemovedResources.Count);
    }

    [Fact]
    public async Task ChangedCluster_IsFollowedByItsAssignment()
    {
        const string Name = "outbound|9080||reviews.default.svc.cluster.local";
        using var proxy = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1"));
        await proxy.SubscribeAsync(TypeUrls.Cluster);
        await proxy.AcceptAsync(TypeUrls.Cluster);
        await proxy.SubscribeAsync(TypeUrls.ClusterLoadAssignment, Name);
        await proxy.AcceptAsync(TypeUrls.ClusterLoadAssignment);
        Write("subsets.yaml", Manifests.ReviewsRule.Split("---")[1]);
        await proxy.AcceptAsync(TypeUrls.Cluster);
        Assert.Equal(Name, Assert.Single((await proxy.AcceptAsync(TypeUrls.ClusterLoadAssignment)).Resources).Name);
    }

    [Fact]
    public async Task PodChange_SendsEndpointsOfItsServiceOnly()
    {
        const string Name = "outbound|9080||reviews.default.svc.cluster.local";
        using var proxy = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1"));
        await proxy.SubscribeAsync(TypeUrls.ClusterLoadAssignment, Name, "outbound|9080||ratings.default.svc.cluster.local");
        Assert.Equal(2, (await proxy.AcceptAsync(TypeUrls.ClusterLoadAssignment)).Resources.Count);
        Write("pod.yaml", """
            apiVersion: v1
            kind: Pod
            metadata: {name: reviews-3, labels: {app: reviews}}
            spec: {}
            status: {podIP: 10.0.0.33, conditions: [{type: Ready, status: "True"}]}
            """);
        Assert.Equal(Name, Assert.Single((await proxy.AcceptAsync(TypeUrls.ClusterLoadAssignment)).Resources).Name);
    }

    [Fact]
    public async Task Rejection_IsKeptForSyncz()
    {
        using var proxy = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1"));
        await proxy.SubscribeAsync(TypeUrls.Listener);
        await proxy.RejectAsync(await proxy.ReceiveAsync(), "listener 'x': field 'y' is wrong");
        await UntilAsync(async () => (await _http.GetStringAsync("/debug/syncz")).Contains("field \\u0027y\\u0027 is wrong", StringComparison.Ordinal));
        Assert.Contains("pilot_total_xds_rejects{type=\"lds\"}", await _http.GetStringAsync("/metrics", Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StateOfTheWorld_IsSpokenToo()
    {
        using var channel = GrpcChannel.ForAddress(_host.Addresses[0]);
        using var call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel).StreamAggregatedResources(cancellationToken: Stop);
        await call.RequestStream.WriteAsync(new DiscoveryRequest { Node = Mesh.EnvoyNode("10.0.0.3", "ratings-1"), TypeUrl = TypeUrls.Listener }, Stop);
        Assert.True(await call.ResponseStream.MoveNext(Stop).WaitAsync(Patience.Limit, Stop));
        var all = call.ResponseStream.Current;
        Assert.Equal(6, all.Resources.Count);
        await call.RequestStream.WriteAsync(new DiscoveryRequest { TypeUrl = TypeUrls.Listener, VersionInfo = all.VersionInfo, ResponseNonce = all.Nonce }, Stop);
        Write("more.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: more}\nspec: {clusterIP: 10.96.0.77, ports: [{name: tcp, port: 1}]}\n");
        Assert.True(await call.ResponseStream.MoveNext(Stop).WaitAsync(Patience.Limit, Stop));
        Assert.Equal(7, call.ResponseStream.Current.Resources.Count);
    }

    [Fact]
    public async Task RequestWithoutNode_IsRefused()
    {
        using var channel = GrpcChannel.ForAddress(_host.Addresses[0]);
        using var call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel).DeltaAggregatedResources(cancellationToken: Stop);
        await call.RequestStream.WriteAsync(new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Cluster }, Stop);
        var refusal = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Stop).WaitAsync(Patience.Limit, Stop));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
    }

    [Fact]
    public async Task Configz_ListsIstioObjects()
    {
        Write("rule.yaml", Manifests.ReviewsRule);
        await UntilAsync(async () => (await _http.GetStringAsync("/debug/configz")).Contains("DestinationRule", StringComparison.Ordinal));
    }

    [Fact]
    public async Task BrokenFile_IsListedUntilItIsMended()
    {
        Write("bad.yaml", "kind: [");
        await UntilAsync(async () => (await _http.GetStringAsync("/debug/problems")).Contains("bad.yaml:", StringComparison.Ordinal));
        File.Delete(Path.Combine(_directory, "bad.yaml"));
        await UntilAsync(async () => !(await _http.GetStringAsync("/debug/problems")).Contains("bad.yaml", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ReconnectWithHeldVersions_ReceivesOnlyWhatDiffers()
    {
        const string Kept = "outbound|9080||reviews.default.svc.cluster.local";
        DeltaDiscoveryResponse first;
        using (var proxy = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1")))
        {
            await proxy.SubscribeAsync(TypeUrls.Cluster);
            first = await proxy.AcceptAsync(TypeUrls.Cluster);
        }

        using var again = new ScriptedProxy(_host.Addresses[0], Mesh.EnvoyNode("10.0.0.3", "ratings-1"));
        var held = first.Resources.Where(static r => r.Name == Kept).ToDictionary(static r => r.Name, static r => r.Version);
        held["outbound|1||gone"] = "1";
        await again.ResumeAsync(TypeUrls.Cluster, held);
        var second = await again.AcceptAsync(TypeUrls.Cluster);
        Assert.Equal(first.Resources.Count - 1, second.Resources.Count);
        Assert.Equal(["outbound|1||gone"], second.RemovedResources);
    }

    // Waits for a state that only the server's own progress brings about.
    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (!await condition())
        {
            await Task.Yield();
            deadline.Token.ThrowIfCancellationRequested();
        }
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory, name), text);
}
