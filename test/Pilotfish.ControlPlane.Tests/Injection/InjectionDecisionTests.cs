using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;

namespace Pilotfish.ControlPlane.Tests.Injection;

public sealed class InjectionDecisionTests
{
    private const string Templates = "templates: {sidecar: ''}";

    [Theory]
    [InlineData("policy: enabled", "{}", true)]
    [InlineData("policy: disabled", "{}", false)]
    [InlineData("policy: sometimes", "metadata: {labels: {sidecar.istio.io/inject: 'true'}}", false)]
    [InlineData("policy: disabled", "metadata: {labels: {sidecar.istio.io/inject: 'true'}}", true)]
    [InlineData("policy: disabled", "metadata: {annotations: {sidecar.istio.io/inject: 'true'}}", true)]
    [InlineData("policy: enabled", "metadata: {labels: {sidecar.istio.io/inject: 'false'}}", false)]
    [InlineData("policy: enabled", "metadata: {labels: {sidecar.istio.io/inject: 'true'}, annotations: {sidecar.istio.io/inject: 'false'}}", true)]
    [InlineData("policy: enabled", "metadata: {labels: {sidecar.istio.io/inject: 'no'}}", true)]
    [InlineData("policy: disabled", "metadata: {labels: {sidecar.istio.io/inject: 'yes'}}", false)]
    [InlineData("policy: enabled", "spec: {hostNetwork: true}", false)]
    [InlineData("policy: enabled", "metadata: {namespace: kube-system, labels: {sidecar.istio.io/inject: 'true'}}", false)]
    [InlineData("policy: enabled", "metadata: {namespace: local-path-storage}", false)]
    [InlineData("{policy: enabled, neverInjectSelector: [{matchLabels: {a: b}}]}", "metadata: {labels: {a: b}}", false)]
    [InlineData("{policy: enabled, neverInjectSelector: [{}]}", "metadata: {labels: {a: b}}", true)]
    [InlineData("{policy: enabled, neverInjectSelector: [{matchLabels: {a: b}}]}", "metadata: {labels: {a: b, sidecar.istio.io/inject: 'true'}}", true)]
    [InlineData("{policy: disabled, alwaysInjectSelector: [{matchExpressions: [{key: a, operator: Exists}]}]}", "metadata: {labels: {a: b}}", true)]
    [InlineData("{policy: disabled, alwaysInjectSelector: [{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}]}", "metadata: {labels: {a: b}}", false)]
    [InlineData("{policy: enabled, alwaysInjectSelector: [{matchLabels: {a: b}}], neverInjectSelector: [{matchLabels: {a: b}}]}", "metadata: {labels: {a: b}}", false)]
    public void IsRequired_ByPolicySelectorsAndPod_FollowsTheOrder(string config, string pod, bool expected)
    {
        var parsed = Yaml.Map(config);
        parsed["templates"] = Yaml.Map(Templates)["templates"]!;
        var settings = InjectionConfig.Parse(Api.Yaml.YamlEmitter.Emit(parsed), _ => null);

        Assert.Equal(expected, InjectionDecision.IsRequired(Yaml.Map(pod), settings));
    }

    [Fact]
    public void IsRequired_OfAnUnknownWish_WarnsAndNamesIt()
    {
        var warnings = new List<string>();

        InjectionDecision.IsRequired(
            Yaml.Map("metadata: {labels: {sidecar.istio.io/inject: 'yes'}}"), Injecting.Settings().Config, warnings.Add);

        Assert.Contains("'yes'", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "{}", "", false)]
    [InlineData("{istio-injection: enabled}", "{}", "", true)]
    [InlineData("{istio-injection: disabled}", "{sidecar.istio.io/inject: 'true'}", "", false)]
    [InlineData("{istio-injection: enabled}", "{sidecar.istio.io/inject: 'false'}", "", false)]
    [InlineData("{istio-injection: enabled}", "{}", "canary", false)]
    [InlineData("{istio-injection: enabled, istio.io/rev: canary}", "{}", "canary", false)]
    [InlineData("{istio.io/rev: canary}", "{}", "canary", true)]
    [InlineData("{istio.io/rev: canary}", "{}", "", false)]
    [InlineData("{istio.io/rev: default}", "{}", "", true)]
    [InlineData("{}", "{sidecar.istio.io/inject: 'true'}", "", true)]
    [InlineData("{}", "{sidecar.istio.io/inject: 'true'}", "canary", false)]
    [InlineData("{}", "{istio.io/rev: canary}", "canary", true)]
    [InlineData("{}", "{istio.io/rev: canary, sidecar.istio.io/inject: 'false'}", "canary", false)]
    [InlineData("{}", "{istio.io/rev: canary, sidecar.istio.io/inject: 'true'}", "", false)]
    public void NamespaceSelection_ByLabels_IsThatOfTheWebhooks(string space, string pod, string revision, bool expected)
    {
        Assert.Equal(expected, NamespaceSelection.Selects(Labels(space), Labels(pod), revision));
    }

    private static Dictionary<string, string> Labels(string text) =>
        Yaml.Map(text).Entries.ToDictionary(entry => entry.Key, entry => entry.Value.ToString()!);
}
