using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Configuration;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>The selectors under deploy/, evaluated as the API server does, for every combination of labels that they speak about.</summary>
public sealed class WebhookManifestTests
{
    private static readonly string?[] s_injection = [null, "enabled", "disabled", ""];
    private static readonly string?[] s_revisions = [null, "default", "canary", ""];
    private static readonly string?[] s_wishes = [null, "true", "false", "yes"];

    public static TheoryData<string> Revisions => ["default", "canary"];

    [Theory]
    [MemberData(nameof(Revisions))]
    public void Selectors_AskTheWebhookOnceForThePodsThatUpWouldInject(string revision)
    {
        List<YamlMapping> webhooks = Webhooks("injection-webhook.yaml", revision);

        foreach ((Dictionary<string, string> space, Dictionary<string, string> pod) in Combinations())
        {
            string[] asked = Asked(webhooks, space, pod);

            Assert.True(asked.Length <= 1, $"{Print(space)} | {Print(pod)} asks {string.Join(" and ", asked)}.");
            Assert.True(
                NamespaceSelection.Selects(space, pod, revision) == (asked.Length == 1), $"{Print(space)} | {Print(pod)} asks '{string.Concat(asked)}'.");
        }
    }

    /// <summary>The rows of Istio's table, said once more without a selector.</summary>
    [Theory]
    [InlineData("", "", "default", "")]
    [InlineData("istio-injection=enabled", "", "default", "namespace.")]
    [InlineData("istio-injection=enabled", "sidecar.istio.io/inject=false", "default", "")]
    [InlineData("istio-injection=enabled", "istio.io/rev=canary", "default", "namespace.")]
    [InlineData("istio-injection=enabled,istio.io/rev=canary", "", "default", "namespace.")]
    [InlineData("istio-injection=enabled,istio.io/rev=canary", "", "canary", "")]
    [InlineData("istio-injection=disabled", "sidecar.istio.io/inject=true", "default", "")]
    [InlineData("istio.io/rev=default", "", "default", "rev.namespace.")]
    [InlineData("istio.io/rev=canary", "", "canary", "rev.namespace.")]
    [InlineData("istio.io/rev=canary", "sidecar.istio.io/inject=false", "canary", "")]
    [InlineData("istio.io/rev=canary", "istio.io/rev=default", "default", "")]
    [InlineData("", "sidecar.istio.io/inject=true", "default", "object.")]
    [InlineData("", "sidecar.istio.io/inject=true", "canary", "")]
    [InlineData("", "istio.io/rev=canary", "canary", "rev.object.")]
    [InlineData("", "istio.io/rev=default,sidecar.istio.io/inject=true", "default", "rev.object.")]
    [InlineData("", "istio.io/rev=canary,sidecar.istio.io/inject=false", "canary", "")]
    public void Selectors_OfOneRow_AskOneWebhook(string space, string pod, string revision, string prefix)
    {
        string expected = prefix.Length == 0 ? "" : prefix + "sidecar-injector.istio.io";

        Assert.Equal(expected, string.Concat(Asked(Webhooks("injection-webhook.yaml", revision), Labels(space), Labels(pod))));
    }

    [Fact]
    public void SelectorsForUnlabelledNamespaces_AskForPodsThatNobodyElseAsksFor()
    {
        List<YamlMapping> usual = Webhooks("injection-webhook.yaml", "default");
        List<YamlMapping> auto = Webhooks("injection-webhook-auto.yaml", "default");

        foreach ((Dictionary<string, string> space, Dictionary<string, string> pod) in Combinations())
        {
            Assert.Equal(space.Count + pod.Count == 0, Asked(auto, space, pod).Length == 1);
            Assert.True(Asked(auto, space, pod).Length + Asked(usual, space, pod).Length <= 1);
        }

        foreach (string system in new[] { "kube-system", "kube-public", "kube-node-lease", "local-path-storage" })
        {
            Assert.Empty(Asked(auto, Labels("kubernetes.io/metadata.name=" + system), []));
        }

        Assert.Single(Asked(auto, Labels("kubernetes.io/metadata.name=shop"), []));
    }

    [Theory]
    [InlineData("injection-webhook.yaml", "Fail", "pods", "/inject")]
    [InlineData("injection-webhook-auto.yaml", "Fail", "pods", "/inject")]
    [InlineData("validation-webhook.yaml", "Ignore", "*", "/validate")]
    public void Webhooks_AreRegisteredAsIstioRegistersThem(string file, string failurePolicy, string resources, string path)
    {
        foreach (YamlMapping webhook in Webhooks(file, "default"))
        {
            Assert.Equal((failurePolicy, "None"), (webhook.Text("failurePolicy"), webhook.Text("sideEffects")));
            Assert.Equal(["v1"], Texts(webhook.Sequence("admissionReviewVersions")));
            YamlMapping service = webhook.Mapping("clientConfig")!.Mapping("service")!;
            Assert.Equal(("istiod", "istio-system", path, "443"),
                (service.Text("name"), service.Text("namespace"), service.Text("path"), service.Text("port")));
            Assert.Equal([resources], Texts(((YamlMapping)Assert.Single(webhook.Sequence("rules")!.Items)).Sequence("resources")));
        }
    }

    [Theory]
    [InlineData("", "validation.istio.io")]
    [InlineData("istio.io/rev=canary", "validation.istio.io")]
    [InlineData("istio.io/rev=default", "rev.validation.istio.io,validation.istio.io")]
    public void Validation_IsAskedForObjectsWithAndWithoutARevision(string labels, string webhooks)
    {
        Assert.Equal(webhooks.Split(','), Asked(Webhooks("validation-webhook.yaml", "default"), [], Labels(labels)));
    }

    private static IEnumerable<(Dictionary<string, string> Space, Dictionary<string, string> Pod)> Combinations() =>
        from injection in s_injection
        from spaceRevision in s_revisions
        from wish in s_wishes
        from podRevision in s_revisions
        select (
            Of(("istio-injection", injection), ("istio.io/rev", spaceRevision)),
            Of(("sidecar.istio.io/inject", wish), ("istio.io/rev", podRevision)));

    private static Dictionary<string, string> Of(params (string Key, string? Value)[] labels) =>
        labels.Where(label => label.Value is not null).ToDictionary(label => label.Key, label => label.Value!);

    private static Dictionary<string, string> Labels(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);

    private static string Print(Dictionary<string, string> labels) => string.Join(',', labels.Select(label => $"{label.Key}={label.Value}"));

    private static string[] Asked(List<YamlMapping> webhooks, Dictionary<string, string> space, Dictionary<string, string> labels) =>
        [.. webhooks
            .Where(webhook => Matches(webhook.Mapping("namespaceSelector"), space) && Matches(webhook.Mapping("objectSelector"), labels))
            .Select(webhook => webhook.Text("name")!)];

    private static bool Matches(YamlMapping? selector, Dictionary<string, string> labels) =>
        selector is null || LabelSelector.Parse(selector).Matches(labels);

    /// <summary>As the file's head says that other revisions are made: the first two webhooks, "default" replaced.</summary>
    private static List<YamlMapping> Webhooks(string file, string revision)
    {
        string text = File.ReadAllText(Path.Combine(DeployFolder(), file));
        if (revision != "default")
        {
            text = text.Replace("values: [default]", $"values: [{revision}]", StringComparison.Ordinal);
        }

        YamlParseResult parsed = YamlDocuments.Parse(text, file);
        Assert.Empty(parsed.Errors);
        return [.. parsed.Documents.Cast<YamlMapping>().SelectMany(document => document.Sequence("webhooks")!.Items)
            .Cast<YamlMapping>().Take(revision == "default" ? int.MaxValue : 2)];
    }

    private static string[] Texts(YamlSequence? list) => [.. (list?.Items ?? []).Cast<YamlScalar>().Select(item => item.Text)];

    private static string DeployFolder()
    {
        string? at = AppContext.BaseDirectory;
        while (!Directory.Exists(Path.Combine(at, "deploy")))
        {
            at = Path.GetDirectoryName(at) ?? throw new DirectoryNotFoundException("No folder 'deploy' above the tests.");
        }

        return Path.Combine(at, "deploy");
    }
}
