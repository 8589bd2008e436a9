using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Tests.Cni;

public sealed class KubernetesPodSourceTests : IDisposable
{
    private const string Pod = """
        {"metadata": {"labels": {"app": "web"}, "annotations": {"sidecar.istio.io/status": "{}"}},
         "spec": {"containers": [{"name": "app"},
                                 {"name": "istio-proxy", "args": ["proxy", "sidecar"],
                                  "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}],
                                  "securityContext": {"runAsUser": 1337, "runAsGroup": 1338}}]}}
        """;

    private readonly string _kubeconfig = Path.GetTempFileName();

    public void Dispose() => File.Delete(_kubeconfig);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Get_PodThatExists_ReadsItsFacts(bool tls)
    {
        using var api = new FakeKubernetes("200 OK", Pod, tls);
        Write(api.Url, api.AuthorityPem);

        PodFacts facts = new KubernetesPodSource(_kubeconfig).Get("shop", "web-0");

        Assert.Equal(["app", "istio-proxy"], facts.Containers.Order());
        Assert.Equal("web", facts.Labels["app"]);
        Assert.Equal("sidecar", facts.ProxyType);
        Assert.Equal((1337, 1338), (facts.ProxyUser, facts.ProxyGroup));
        Assert.Equal("1", facts.ProxyEnvironment["A"]);
        Assert.StartsWith("GET /api/v1/namespaces/shop/pods/web-0 ", api.Asked, StringComparison.Ordinal);
        Assert.Contains("Authorization: Bearer secret", api.Asked, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Get_ServerOfAnotherAuthority_IsNotTrusted()
    {
        using var api = new FakeKubernetes("200 OK", Pod, tls: true);
        using var other = new FakeKubernetes("200 OK", Pod, tls: true);
        Write(api.Url, other.AuthorityPem);

        Assert.Throws<PodLookupException>(() => new KubernetesPodSource(_kubeconfig).Get("shop", "web-0"));
        Assert.Empty(api.Asked);
    }

    [Theory]
    [InlineData("404 Not Found", "{}", "not yet")]
    [InlineData("401 Unauthorized", "{}", "token")]
    [InlineData("403 Forbidden", "{}", "right to 'get' pods")]
    [InlineData("500 Internal Server Error", "{}", "500")]
    [InlineData("200 OK", "<html>", "something else than a pod")]
    public void Get_OtherAnswer_SaysWhatItMeans(string status, string body, string said)
    {
        using var api = new FakeKubernetes(status, body, tls: false);
        Write(api.Url, null);

        PodLookupException e = Assert.Throws<PodLookupException>(() => new KubernetesPodSource(_kubeconfig).Get("shop", "web-0"));

        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("clusters: []")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'ftp://x'}}]")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '?'}}]")]
    [InlineData("{")]
    public void Kubeconfig_ThatIsBroken_IsNamed(string text)
    {
        File.WriteAllText(_kubeconfig, text);

        PodLookupException e = Assert.Throws<PodLookupException>(() => Kubeconfig.Load(_kubeconfig));

        Assert.Contains(_kubeconfig, e.Message, StringComparison.Ordinal);
    }

    private void Write(string url, string? authority) =>
        File.WriteAllText(_kubeconfig, FakeKubernetes.Kubeconfig(url, authority, "secret"));
}
