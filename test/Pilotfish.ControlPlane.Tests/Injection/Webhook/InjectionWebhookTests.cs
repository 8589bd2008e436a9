using System.Text;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Webhook;

namespace Pilotfish.ControlPlane.Tests.Injection.Webhook;

public sealed class InjectionWebhookTests
{
    private const string Pod =
        """
        {"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"web-5d4f-","creationTimestamp":null,
        "labels":{"app":"web","pod-template-hash":"5d4f"},"managedFields":[{"manager":"m"}],
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d4f","uid":"1","controller":true}]},
        "spec":{"containers":[{"name":"app","image":"x","resources":{},"ports":[{"containerPort":80,"protocol":"TCP"}],
        "readinessProbe":{"httpGet":{"path":"/","port":80}}}]},"status":{}}
        """;

    private static readonly InjectionSettings s_settings = Injecting.Settings();

    [Theory]
    [InlineData("v1")]
    [InlineData("v1beta1")]
    public void Answer_OfAPod_PatchesItToWhatKubeInjectGives(string version)
    {
        var answer = Ask(Review(version, Pod), "/inject");

        Assert.Equal($"admission.k8s.io/{version}", answer.Text("apiVersion"));
        Assert.Equal("AdmissionReview", answer.Text("kind"));
        var response = answer.Mapping("response")!;
        Assert.Equal(("u-1", "true", "JSONPatch"), (response.Text("uid"), response.Text("allowed"), response.Text("patchType")));
        var patched = (YamlMapping)JsonPatchApplier.Apply(Yaml.Node(Pod), PatchOf(answer));
        var pod = Yaml.Map(Pod);
        pod.Mapping("metadata")!.Remove("managedFields");
        pod.Mapping("metadata")!.Set("namespace", "shop");
        var expected = new Injector(s_settings).Inject(pod);
        // The patch leaves the namespace to the API server, and the managed fields alone.
        expected.Mapping("metadata")!.Remove("namespace");
        patched.Mapping("metadata")!.Remove("managedFields");
        Assert.Equal(YamlEmitter.Emit(expected, sortKeys: true), YamlEmitter.Emit(patched, sortKeys: true));
        Assert.Contains("namespaces/shop/deployments/web", YamlEmitter.Emit(patched), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("new", "initContainers")]
    [InlineData("old", "containers")]
    public void Answer_ByTheNodeOfThePod_IsNativeOrNot(string node, string list)
    {
        var webhook = new InjectionWebhook(() => s_settings, nativeSidecars: name => name == "new");
        var pod = Pod.Replace("\"spec\":{", $"\"spec\":{{\"nodeName\":\"{node}\",", StringComparison.Ordinal);

        var answer = Yaml.Map(webhook.Answer(Encoding.UTF8.GetBytes(Review("v1", pod)), "/inject"));

        var patched = (YamlMapping)JsonPatchApplier.Apply(Yaml.Node(pod), PatchOf(answer));
        Assert.NotNull(patched.Mapping("spec").FindNamed(list, "istio-proxy"));
    }

    [Fact]
    public void Answer_OfAPodThatRefuses_AllowsItUnchanged()
    {
        var pod = Pod.Replace("\"app\":\"web\"", "\"sidecar.istio.io/inject\":\"false\"", StringComparison.Ordinal);

        var response = Ask(Review("v1", pod), "/inject").Mapping("response")!;

        Assert.Equal("true", response.Text("allowed"));
        Assert.False(response.ContainsKey("patch"));
    }

    [Fact]
    public void Answer_OfABadAnnotation_RefusesWithTheReason()
    {
        var pod = Pod.Replace("\"labels\"", "\"annotations\":{\"sidecar.istio.io/proxyCPU\":\"lots\"},\"labels\"", StringComparison.Ordinal);

        var response = Ask(Review("v1", pod), "/inject").Mapping("response")!;

        Assert.Equal(("u-1", "false"), (response.Text("uid"), response.Text("allowed")));
        Assert.Contains("sidecar.istio.io/proxyCPU", response.TextAt("status", "message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",")]
    [InlineData("[]")]
    [InlineData("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v7\"}")]
    [InlineData("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}")]
    [InlineData("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}")]
    [InlineData("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\",\"object\":3}}")]
    [InlineData("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\",\"object\":{\"spec\":[]}}}")]
    [InlineData("\u0000\u0001")]
    public void Answer_OfSomethingElse_RefusesWithAMessage(string body)
    {
        var response = Ask(body, "/inject").Mapping("response")!;

        Assert.Equal("false", response.Text("allowed"));
        Assert.NotEmpty(response.TextAt("status", "message")!);
    }

    [Fact]
    public void Answer_ToAPathWithVariables_GivesThemToTheSidecar()
    {
        var patched = (YamlMapping)JsonPatchApplier.Apply(
            Yaml.Node(Pod), PatchOf(Ask(Review("v1", Pod), "/inject/cluster/east/net/n--slash--1/my_var/x/odd")));

        var proxy = patched.Mapping("spec").FindNamed("initContainers", "istio-proxy");
        Assert.Equal("east", proxy.FindNamed("env", "ISTIO_META_CLUSTER_ID")!.Text("value"));
        Assert.Equal("n/1", proxy.FindNamed("env", "ISTIO_META_NETWORK")!.Text("value"));
        Assert.Equal("x", proxy.FindNamed("env", "MY_VAR")!.Text("value"));
        Assert.Equal("n/1", patched.TextAt("metadata", "labels", "topology.istio.io/network"));
    }

    [Theory]
    [InlineData("/inject", "")]
    [InlineData("/inject/", "")]
    [InlineData("/inject/a/b/", "A=b")]
    [InlineData("/inject/a/b/c", "A=b")]
    [InlineData("/inject/:ENV:cluster=c1:ENV:=x:ENV:y:ENV:z=", "ISTIO_META_CLUSTER_ID=c1 Z=")]
    public void Path_OfTheUrl_IsReadAsPairs(string path, string expected)
    {
        Assert.Equal(expected, string.Join(' ', InjectPath.Parse(path).Select(pair => $"{pair.Key}={pair.Value}")));
    }

    internal static string Review(string version, string pod) =>
        $"{{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/{version}\",\"request\":{{\"uid\":\"u-1\","
        + $"\"namespace\":\"shop\",\"object\":{pod}}}}}";

    private static YamlMapping Ask(string body, string path) =>
        Yaml.Map(new InjectionWebhook(() => s_settings).Answer(Encoding.UTF8.GetBytes(body), path));

    private static YamlSequence PatchOf(YamlMapping answer) =>
        (YamlSequence)Yaml.Node(Encoding.UTF8.GetString(Convert.FromBase64String(answer.TextAt("response", "patch")!)));
}
