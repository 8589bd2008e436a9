using CsCheck;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class InjectorTests
{
    private const string Plain = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: app, image: x}]}}";

    [Fact]
    public void Injection_ByNamespaceLabel_HappensOnlyWhereAsked()
    {
        var injector = new Injector(Injecting.Settings());
        var pod = Yaml.Map(Plain);

        Assert.Same(pod, injector.InjectIfSelected(pod, new Dictionary<string, string>()));
        Assert.NotSame(pod, injector.InjectIfSelected(pod, new Dictionary<string, string> { ["istio-injection"] = "enabled" }));
        Assert.True(pod.ContentEquals(Yaml.Node(Plain)));
    }

    [Fact]
    public void Injection_OfAServiceOrAnything_LeavesIt()
    {
        var service = Yaml.Map("{apiVersion: v1, kind: Service, metadata: {name: s}}");

        Assert.Same(service, new Injector(Injecting.Settings())
            .InjectIfSelected(service, new Dictionary<string, string> { ["istio-injection"] = "enabled" }));
    }

    [Theory]
    [InlineData("{inject.istio.io/templates: 'sidecar, nonsense'}", "requested template 'nonsense' not found; have gateway")]
    [InlineData("{proxy.istio.io/overrides: 'x: ['}", "proxy.istio.io/overrides")]
    public void Injection_OfAWrongRequest_SaysWhatIsWrong(string annotations, string message)
    {
        var e = Assert.Throws<InjectionException>(() => Injecting.WithAnnotations(annotations));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Injection_InModeNone_CapturesNothing()
    {
        var pod = Injecting.WithAnnotations(
            "{sidecar.istio.io/interceptionMode: NONE, sidecar.istio.io/nativeSidecar: 'false'}");

        Assert.Null(pod.At("spec", "initContainers"));
        Assert.NotNull(pod.Mapping("spec").FindNamed("containers", "istio-proxy"));
    }

    [Fact]
    public void Injection_WithStatusPortOff_LeavesOutTheProbes()
    {
        var proxy = Injecting.WithAnnotations("{status.sidecar.istio.io/port: '0'}")
            .Mapping("spec").FindNamed("initContainers", "istio-proxy")!;

        Assert.Null(proxy["readinessProbe"]);
        Assert.Null(proxy["startupProbe"]);
    }

    [Theory]
    [InlineData("values.global.tag=1.2-distroless", "{}", "registry.istio.io/testing/proxyv2:1.2-distroless")]
    [InlineData("values.global.variant=debug", "{}", "registry.istio.io/testing/proxyv2:latest-debug")]
    [InlineData("values.global.tag=1.2-distroless", "{sidecar.istio.io/proxyImageType: debug}", "registry.istio.io/testing/proxyv2:1.2-debug")]
    [InlineData("values.global.tag=1.2-debug", "{sidecar.istio.io/proxyImageType: default}", "registry.istio.io/testing/proxyv2:1.2")]
    [InlineData("values.global.hub=h", "{sidecar.istio.io/proxyImage: my/own:1}", "my/own:1")]
    [InlineData("hub=h", "{proxy.istio.io/config: '{image: {imageType: distroless}}'}", "h/proxyv2:latest-distroless")]
    public void Image_ByValuesAndAnnotations_IsComposed(string setting, string annotations, string expected)
    {
        var pod = Injecting.WithAnnotations(annotations, Injecting.Settings(setting));

        Assert.Equal(expected, pod.Mapping("spec").FindNamed("initContainers", "istio-proxy")!.Text("image"));
    }

    [Theory]
    [InlineData("openshift.io/sa.scc.uid-range: 1000620000/10000", "1000629999", "1000629999")]
    [InlineData("{openshift.io/sa.scc.uid-range: 5-9, openshift.io/sa.scc.supplemental-groups: '1/10,20/10'}", "9", "10")]
    [InlineData("openshift.io/sa.scc.uid-range: nonsense", "1337", "1337")]
    public void Ids_OnOpenShift_AreTheLastOfTheNamespace(string annotations, string user, string group)
    {
        var pod = Injecting.Pod(Plain, namespaceAnnotations: Yaml.Map(annotations));

        var context = pod.Mapping("spec").FindNamed("initContainers", "istio-proxy")!.Mapping("securityContext");
        Assert.Equal((user, group), (context.TextAt("runAsUser"), context.TextAt("runAsGroup")));
    }

    [Fact]
    public void UserThatOpenShiftAssigned_ToTheProxyToo_IsNoOverride()
    {
        var pod = Injecting.Pod(
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: app, image: x, securityContext: {runAsUser: 1000}}, "
            + "{name: istio-proxy, image: auto, securityContext: {runAsUser: 1000, readOnlyRootFilesystem: false}}]}}",
            namespaceAnnotations: Yaml.Map("openshift.io/sa.scc.uid-range: 1000/10"));

        var context = pod.Mapping("spec").FindNamed("initContainers", "istio-proxy")!.Mapping("securityContext");
        Assert.Equal(("1009", "false"), (context.TextAt("runAsUser"), context.TextAt("readOnlyRootFilesystem")));
    }

    [Fact]
    public void ConfigMapOfAnInstallation_WithAliasesAndOwnTemplates_IsObeyed()
    {
        var settings = Injecting.Settings() with
        {
            Config = InjectionConfig.Parse(
                """
                policy: enabled
                defaultTemplates: [both]
                aliases:
                  both: [first, second]
                injectedAnnotations:
                  added: "yes"
                templates:
                  first: |
                    metadata:
                      labels:
                        first: "{{ .ObjectMeta.Name }}-{{ env "X" "unset" }}"
                  second: |
                    spec:
                      containers:
                      {{- range .Spec.Containers }}
                      - name: {{ .Name }}
                        env:
                        - {name: DURATION, value: "{{ formatDuration $.ProxyConfig.DrainDuration }}"}
                      {{- end }}
                """,
                name => name == "X" ? "set" : null),
        };

        var pod = Injecting.Pod(Plain, settings);

        Assert.Equal("a-set", pod.TextAt("metadata", "labels", "first"));
        Assert.Equal("yes", pod.TextAt("metadata", "annotations", "added"));
        Assert.Equal("45s", pod.Mapping("spec").FindNamed("containers", "app").FindNamed("env", "DURATION")!.Text("value"));
    }

    [Theory]
    [InlineData("{{ .Spec.Nope }}", "sidecar:1:9: can't evaluate field Nope in type PodSpec")]
    [InlineData("a: [", "rendered text that is no YAML")]
    [InlineData("[a]", "something else than one mapping")]
    [InlineData("spec: {containers: [{image: x}]}", "lacks 'name'")]
    [InlineData("spec: {containers: 7}", "expected a list")]
    public void Template_ThatIsWrong_FailsWithItsPlace(string template, string message)
    {
        var settings = Injecting.Settings() with { Config = InjectionConfig.Parse(template, _ => null) };

        var e = Assert.Throws<InjectionException>(() => Injecting.Pod(Plain, settings));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Injection_OfAnyTree_EitherWorksOrSaysWhy()
    {
        var injector = new Injector(Injecting.Settings());
        var keys = new[] { "metadata", "spec", "annotations", "labels", "containers", "initContainers", "name", "env", "volumes",
            "proxy.istio.io/config", "sidecar.istio.io/status", "prometheus.io/port", "readinessProbe", "httpGet", "port", "resources" };
        Tree(Gen.Int[0, keys.Length - 1].Select(i => keys[i]), 5).Sample(
            tree =>
            {
                var pod = new YamlMapping { ["metadata"] = tree, ["spec"] = tree.Clone() };
                pod.Set("apiVersion", "v1");
                pod.Set("kind", "Pod");
                try
                {
                    injector.Inject(pod);
                }
                catch (InjectionException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            },
            iter: 300);
    }

    private static Gen<YamlNode> Tree(Gen<string> keys, int depth)
    {
        var scalars = Gen.OneOf(
            Gen.Int.Select(i => (YamlNode)YamlScalar.Integer(i)),
            Gen.String[0, 5].Select(text => (YamlNode)YamlScalar.String(text)),
            Gen.Bool.Select(flag => (YamlNode)YamlScalar.Boolean(flag)),
            Gen.Const((YamlNode)YamlScalar.Null()));
        if (depth == 0)
        {
            return scalars;
        }

        var inner = Tree(keys, depth - 1);
        var lists = inner.List[0, 3].Select(items => (YamlNode)new YamlSequence(items));
        var maps = Gen.Select(keys, inner).List[0, 5].Select(entries =>
        {
            var map = new YamlMapping();
            foreach ((string key, YamlNode value) in entries)
            {
                map[key] = value;
            }

            return (YamlNode)map;
        });
        return Gen.Frequency((1, scalars), (2, lists), (5, maps));
    }
}
