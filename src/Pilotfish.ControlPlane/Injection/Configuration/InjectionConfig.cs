using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Templates;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>How pods are injected: policy, selectors and templates, as the key `config` of Istio's ConfigMap
/// istio-sidecar-injector has it. Immutable.</summary>
public sealed class InjectionConfig
{
    public const string SidecarTemplate = "sidecar";

    private static readonly string[] s_builtInTemplates = ["sidecar", "gateway", "grpc-simple", "grpc-agent"];

    private InjectionConfig()
    {
    }

    public InjectionPolicy Policy { get; private init; } = InjectionPolicy.Enabled;

    public IReadOnlyList<string> DefaultTemplates { get; private init; } = [SidecarTemplate];

    public IReadOnlyDictionary<string, GoTemplate> Templates { get; private init; } = new Dictionary<string, GoTemplate>();

    /// <summary>Names that stand for several templates; looked up once, not again in the result.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Aliases { get; private init; } =
        new Dictionary<string, IReadOnlyList<string>>();

    public IReadOnlyList<LabelSelector> NeverInject { get; private init; } = [];

    public IReadOnlyList<LabelSelector> AlwaysInject { get; private init; } = [];

    public IReadOnlyDictionary<string, string> InjectedAnnotations { get; private init; } = new Dictionary<string, string>();

    /// <summary>Our own templates, and the settings that an installation's values make of the rest.</summary>
    public static InjectionConfig FromValues(YamlMapping values, Func<string, string?> environment)
    {
        var webhook = values.Mapping("sidecarInjectorWebhook") ?? new YamlMapping();
        var texts = s_builtInTemplates.ToDictionary(
            name => name, name => EmbeddedText.Read($"Templates.{name}.tmpl"), StringComparer.Ordinal);
        foreach (var entry in webhook.Mapping("templates")?.Entries ?? [])
        {
            texts[entry.Key] = (entry.Value as YamlScalar)?.Text ?? "";
        }

        return Create(webhook, values.TextAt("global", "proxy", "autoInject") ?? "enabled", texts, environment);
    }

    /// <summary>Reads the ConfigMap's `config`; a text that holds no templates is taken for the sidecar template itself.</summary>
    public static InjectionConfig Parse(string text, Func<string, string?> environment)
    {
        var parsed = YamlDocuments.Parse(text, "injection config");
        if (!parsed.IsOk || parsed.Documents is not [YamlMapping config] || config.Mapping("templates") is not { Count: > 0 } templates)
        {
            var only = new Dictionary<string, string>(StringComparer.Ordinal) { [SidecarTemplate] = text };
            return Create(new YamlMapping(), "enabled", only, environment);
        }

        var texts = templates.Entries.ToDictionary(
            entry => entry.Key, entry => (entry.Value as YamlScalar)?.Text ?? "", StringComparer.Ordinal);
        return Create(config, config.Text("policy") ?? "", texts, environment);
    }

    /// <summary>The same configuration that injects unless a pod refuses, as a person who runs kube-inject wants.</summary>
    public InjectionConfig WithPolicy(InjectionPolicy policy) => new()
    {
        Policy = policy,
        DefaultTemplates = DefaultTemplates,
        Templates = Templates,
        Aliases = Aliases,
        NeverInject = NeverInject,
        AlwaysInject = AlwaysInject,
        InjectedAnnotations = InjectedAnnotations,
    };

    private static InjectionConfig Create(
        YamlMapping node, string policy, Dictionary<string, string> texts, Func<string, string?> environment)
    {
        var functions = InjectionFunctions.Create(environment);
        try
        {
            var defaults = Texts(node.Sequence("defaultTemplates"));
            return new InjectionConfig
            {
                Policy = policy switch
                {
                    "enabled" => InjectionPolicy.Enabled,
                    "disabled" => InjectionPolicy.Disabled,
                    _ => InjectionPolicy.Invalid,
                },
                DefaultTemplates = defaults.Count == 0 ? [SidecarTemplate] : defaults,
                Templates = texts.ToDictionary(
                    text => text.Key, text => GoTemplate.Parse(text.Key, text.Value, functions), StringComparer.Ordinal),
                Aliases = (node.Mapping("aliases")?.Entries ?? []).ToDictionary(
                    entry => entry.Key, entry => Texts(entry.Value as YamlSequence), StringComparer.Ordinal),
                NeverInject = node.Items("neverInjectSelector").Select(LabelSelector.Parse).ToList(),
                AlwaysInject = node.Items("alwaysInjectSelector").Select(LabelSelector.Parse).ToList(),
                InjectedAnnotations = (node.Mapping("injectedAnnotations")?.Entries ?? []).ToDictionary(
                    entry => entry.Key, entry => (entry.Value as YamlScalar)?.Text ?? "", StringComparer.Ordinal),
            };
        }
        catch (TemplateException e)
        {
            throw new InjectionException($"failed to parse injection template: {e.Message}", e);
        }
    }

    private static IReadOnlyList<string> Texts(YamlSequence? list) =>
        list?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];
}
