using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Repair;

namespace Pilotfish.Capture.Tests.Cni.Repair;

public sealed class KubernetesNodePodsTests : IDisposable
{
    private const string Pods = """
        {"kind": "PodList", "metadata": {"resourceVersion": "41"}, "items": [
          {"metadata": {"namespace": "shop", "name": "web-0", "uid": "u1", "resourceVersion": "9",
             "annotations": {"sidecar.istio.io/status": "{}"}},
           "spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "sidecar"]}]},
           "status": {"podIP": "10.1.0.5", "initContainerStatuses": [
             {"name": "istio-validation", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
              "lastState": {"terminated": {"exitCode": 126, "reason": "Error", "message": "m"}}}]}},
          {"metadata": {"namespace": "shop", "name": "web-1", "uid": "u2"}, "status": {}}]}
        """;

    private readonly string _kubeconfig = Path.GetTempFileName();
    private readonly StringWriter _log = new();

    public void Dispose() => File.Delete(_kubeconfig);

    [Fact]
    public void List_OfOneNode_ReadsWhatRepairNeeds()
    {
        using var api = new FakeKubernetes("200 OK", Pods, tls: true);
        var options = new RepairOptions { NodeName = "n-1", LabelSelectors = "app=web", FieldSelectors = "status.phase=Pending" };

        NodePodList list = Source(api, options).List();

        Assert.Equal("41", list.Version);
        IReadOnlyList<NodePod> pods = list.Pods;
        Assert.Equal(["shop/web-0", "shop/web-1"], pods.Select(pod => pod.ToString()));
        Assert.True(BrokenPods.IsBroken(pods[0], options));
        Assert.False(BrokenPods.IsBroken(pods[1], options));
        Assert.Equal(("u1", "9", "10.1.0.5", "sidecar"), (pods[0].Uid, pods[0].ResourceVersion, pods[0].Ip, pods[0].Facts.ProxyType));
        Assert.StartsWith(
            "GET /api/v1/pods?resourceVersion=0&labelSelector=app%3Dweb&fieldSelector=status.phase%3DPending%2Cspec.nodeName%3Dn-1 HTTP/1.1",
            api.Asked,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Delete_NamesTheStateThatWasSeen()
    {
        using var api = new FakeKubernetes("200 OK", "{}", tls: false);

        Source(api).Delete(FakeNode.Broken());

        Assert.StartsWith("DELETE /api/v1/namespaces/shop/pods/web-0 ", api.Asked, StringComparison.Ordinal);
        Assert.Contains("\"preconditions\":{\"uid\":\"u1\",\"resourceVersion\":\"9\"}", api.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Label_GoesThroughTheStatus()
    {
        using var api = new FakeKubernetes("200 OK", "{}", tls: false);

        Source(api).Label(FakeNode.Broken(), "k/e\"y", "v");

        Assert.StartsWith("PATCH /api/v1/namespaces/shop/pods/web-0/status ", api.Asked, StringComparison.Ordinal);
        Assert.Contains("application/merge-patch+json", api.Asked, StringComparison.Ordinal);
        Assert.Equal("""{"metadata":{"labels":{"k/e\u0022y":"v"}}}""", api.Body);
    }

    [Fact]
    public void Tell_WritesAnEventOfThePod_AndMinds_NoRefusal()
    {
        using var api = new FakeKubernetes("403 Forbidden", "{}", tls: false);

        Source(api).Tell(FakeNode.Broken(), "DeleteBrokenPod", "gone");

        Assert.StartsWith("POST /api/v1/namespaces/shop/events ", api.Asked, StringComparison.Ordinal);
        Assert.Contains("\"component\":\"cni-repair\"", api.Body, StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"DeleteBrokenPod\",\"message\":\"gone\",\"type\":\"Warning\"", api.Body, StringComparison.Ordinal);
        Assert.Contains("right to 'create'", _log.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("409 Conflict", "it has changed since it was seen")]
    [InlineData("403 Forbidden", "right to 'delete' pods")]
    public void Delete_Refused_SaysWhy(string status, string said)
    {
        using var api = new FakeKubernetes(status, "{}", tls: false);

        PodLookupException e = Assert.Throws<PodLookupException>(() => Source(api).Delete(FakeNode.Broken()));

        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void List_ThatIsNone_IsNamed()
    {
        using var api = new FakeKubernetes("200 OK", "<html>", tls: false);

        PodLookupException e = Assert.Throws<PodLookupException>(() => Source(api, new RepairOptions { NodeName = "n-1" }).List());

        Assert.Contains("something else than the pods of node 'n-1'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Watch_TellsChangesInOrder_AndReturnsWhereToGoOn()
    {
        const string Events = """
            {"type": "ADDED", "object": {"metadata": {"namespace": "shop", "name": "a", "uid": "u1", "resourceVersion": "42"}}}
            {"type": "MODIFIED", "object": {"metadata": {"namespace": "shop", "name": "a", "uid": "u1", "resourceVersion": "43"}}}
            {"type": "DELETED", "object": {"metadata": {"namespace": "shop", "name": "a", "uid": "u1", "resourceVersion": "44"}}}
            {"type": "SOMETHING NEW", "object": {}}
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "50"}}}
            {"type": "ADDED", "object": {"metadata": {"namespace": "shop", "name": "half an ev
            """;
        using var api = new FakeKubernetes("200 OK", Events, tls: true);
        var told = new List<string>();

        string version = Source(api, new RepairOptions { NodeName = "n-1" }).Watch(
            "41", change => told.Add(Word(change)), TestContext.Current.CancellationToken);

        Assert.Equal(["put a", "put a", "gone a"], told);
        Assert.Equal("50", version);
        Assert.StartsWith(
            "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=41&fieldSelector=spec.nodeName%3Dn-1 HTTP/1.1",
            api.Asked,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("410 Gone", "{}")]
    [InlineData("200 OK", """{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}""" + "\n")]
    public void Watch_FromAVersionThatIsForgotten_AsksForANewList(string status, string body)
    {
        using var api = new FakeKubernetes(status, body, tls: false);

        Assert.Throws<WatchExpiredException>(() => Source(api).Watch("1", _ => { }, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("403 Forbidden", "{}", "needs the right to 'watch' pods")]
    [InlineData("200 OK", """{"type": "ERROR", "object": {"code": 500, "message": "etcd is away"}}""" + "\n", "etcd is away")]
    [InlineData("200 OK", "<html>\n", "gave no event")]
    public void Watch_Refused_SaysWhy(string status, string body, string said)
    {
        using var api = new FakeKubernetes(status, body, tls: false);

        PodLookupException e = Assert.Throws<PodLookupException>(
            () => Source(api).Watch("1", _ => { }, TestContext.Current.CancellationToken));

        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    private static string Word(NodePodChange change) => change switch
    {
        NodePodChange.Put put => "put " + put.Pod.Name,
        NodePodChange.Gone gone => "gone " + gone.Pod.Name,
        _ => "all",
    };

    private KubernetesNodePods Source(FakeKubernetes api, RepairOptions? options = null)
    {
        File.WriteAllText(_kubeconfig, FakeKubernetes.Kubeconfig(api.Url, api.AuthorityPem, "secret"));
        return new KubernetesNodePods(new KubernetesApi(_kubeconfig), options ?? new RepairOptions(), TimeProvider.System, _log);
    }
}
