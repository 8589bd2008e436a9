using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Rewriting;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.ControlPlane.Injection.Templates;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>One injection of one pod, from the pod as it came to the pod as it will run.
/// 1. Check the annotations. 2. Undo an earlier injection, for the templates' eyes only. 3. Render the templates and lay them
/// over the pod. 4. Lay the user's own containers over the result. 5. Rewrite what spans several parts: metrics, probes,
/// status, order.</summary>
internal sealed class PodInjection
{
    private static readonly StructShape s_podShape = ShapeCatalog.Pod["Pod"];

    private readonly InjectionSettings _settings;
    private readonly InjectionSubject _subject;
    private readonly InjectionMesh _mesh;
    private readonly YamlMapping _original;
    private readonly SortedDictionary<string, string> _environment = new(StringComparer.Ordinal);

    private PodInjection(InjectionSettings settings, InjectionSubject subject)
    {
        _settings = settings;
        _subject = subject;
        _original = NodeNormalizer.Normalize(subject.Pod, s_podShape, "");
        OpenShiftIds.RemoveAssignedUser(_original, subject.NamespaceAnnotations);
        // 1. Nothing below reads an annotation that has not passed.
        AnnotationValidator.Check(_original.At("metadata", "annotations") as YamlMapping);
        _mesh = _original.TextAt("metadata", "annotations", InjectionKeys.ProxyConfig) is { } proxyConfig
            ? settings.Mesh.WithProxyConfig(proxyConfig)
            : settings.Mesh;
    }

    /// <summary>The injected pod: a new mapping with `metadata` and `spec`.</summary>
    /// <exception cref="InjectionException">The pod or a template is at fault.</exception>
    public static YamlMapping Run(InjectionSettings settings, InjectionSubject subject)
    {
        try
        {
            return new PodInjection(settings, subject).Run();
        }
        catch (TemplateException e)
        {
            throw new InjectionException($"failed to run injection template: {e.Message}", e);
        }
    }

    private YamlMapping Run()
    {
        CollectEnvironment();
        // 2.
        var stripped = Strip();
        ContainerOverrides.Reinsert(stripped);
        // 3.
        var (merged, rendered) = ApplyTemplates(TemplateData.Create(_settings, _mesh, _subject, stripped));
        // 4.
        merged = ContainerOverrides.Reapply(merged, _original, rendered);
        merged = NodeNormalizer.Normalize(merged, s_podShape, "");
        ContainerOverrides.AlignUser(merged, _original, _mesh.ProxyConfig.Text("interceptionMode") == "TPROXY");
        // 5.
        SetEnvironment(merged);
        PrometheusMerge.Apply(merged, _mesh);
        PrometheusMerge.AnnounceSecurePort(merged);
        ProbeRewriter.Apply(merged, _settings.Values, _mesh.StatusPort);
        SetMetadata(merged, rendered);
        var holds = _mesh.ProxyConfig.IsTrueAt("holdApplicationUntilProxyStarts")
            || _settings.Values.IsTrueAt("global", "proxy", "holdApplicationUntilProxyStarts");
        ContainerOrder.Apply(merged, holds);
        return NodeNormalizer.Normalize(merged, s_podShape, "");
    }

    /// <summary>Cluster and network: the installation's values, then the webhook's path, then the pod's own label.</summary>
    private void CollectEnvironment()
    {
        SetUnlessEmpty(InjectionKeys.ClusterVariable, _settings.Values.TextAt("global", "multiCluster", "clusterName"));
        SetUnlessEmpty(InjectionKeys.NetworkVariable, _settings.Values.TextAt("global", "network"));
        foreach (var (name, value) in _subject.ProxyEnvironment)
        {
            if (name is not (InjectionKeys.ClusterVariable or InjectionKeys.NetworkVariable) || value.Length > 0)
            {
                _environment[name] = value;
            }
        }

        SetUnlessEmpty(InjectionKeys.NetworkVariable, _original.TextAt("metadata", "labels", InjectionKeys.NetworkLabel));
    }

    private void SetUnlessEmpty(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            _environment[name] = value;
        }
    }

    private YamlMapping Strip()
    {
        var pod = (YamlMapping)_original.Clone();
        if (InjectionStatus.Read(pod) is not { } status)
        {
            return pod;
        }

        foreach (var name in status.Containers)
        {
            PodContainers.Remove(pod, PodContainers.App, name);
        }

        foreach (var name in status.InitContainers)
        {
            PodContainers.Remove(pod, PodContainers.Init, name);
        }

        PrometheusMerge.RemoveOwn(pod, _mesh);
        pod.Ensure("metadata").Ensure("annotations").Remove(InjectionKeys.Status);
        return pod;
    }

    /// <summary>The pod with all templates applied, and the templates applied to nothing: what was added.</summary>
    private (YamlMapping Merged, YamlMapping Rendered) ApplyTemplates(GoValue data)
    {
        var merged = _original;
        var rendered = new YamlMapping();
        foreach (var name in SelectTemplates())
        {
            if (!_settings.Config.Templates.TryGetValue(name, out var template))
            {
                var known = string.Join(", ", _settings.Config.Templates.Keys.Order(StringComparer.Ordinal));
                var origin = _original.TextAt("metadata", "annotations", InjectionKeys.Templates) is null
                    ? ""
                    : $" (annotation '{InjectionKeys.Templates}')";
                throw new InjectionException($"requested template '{ShownText.Of(name)}' not found; have {known}{origin}");
            }

            var fragment = ParseFragment(name, template.Render(data));
            rendered = NodeNormalizer.Normalize(StrategicMerge.Apply(rendered, fragment, s_podShape), s_podShape, name);
            if (IsNative(merged)
                && rendered.Mapping("spec").FindNamed(PodContainers.Init, ContainerNames.Proxy) is not null
                && merged.Mapping("spec").FindNamed(PodContainers.App, ContainerNames.Proxy) is not null)
            {
                // Users put overrides of a native sidecar among the regular containers.
                merged = (YamlMapping)merged.Clone();
                PodContainers.MoveToInit(merged, ContainerNames.Proxy);
            }

            merged = NodeNormalizer.Normalize(StrategicMerge.Apply(merged, fragment, s_podShape), s_podShape, name);
        }

        return (merged, rendered);
    }

    private IEnumerable<string> SelectTemplates()
    {
        var config = _settings.Config;
        var names = _original.TextAt("metadata", "annotations", InjectionKeys.Templates) is { } chosen
            ? chosen.Split(',', StringSplitOptions.TrimEntries)
            : config.DefaultTemplates;
        return names.SelectMany(name => config.Aliases.TryGetValue(name, out var several) ? several : [name]);
    }

    private static YamlMapping ParseFragment(string name, string text)
    {
        var parsed = YamlDocuments.Parse(text, $"template {name}");
        if (!parsed.IsOk)
        {
            throw new InjectionException($"template '{name}' rendered text that is no YAML: {parsed.Errors[0]}");
        }

        return parsed.Documents switch
        {
            [] => new YamlMapping(),
            [YamlMapping fragment] => fragment,
            _ => throw new InjectionException($"template '{name}' rendered something else than one mapping"),
        };
    }

    private bool IsNative(YamlMapping pod) => pod.TextAt("metadata", "annotations", InjectionKeys.NativeSidecar) switch
    {
        "true" => true,
        "false" => false,
        _ => _settings.NativeSidecars,
    };

    private void SetEnvironment(YamlMapping pod)
    {
        if (_environment.Count == 0 || PodContainers.Find(pod, ContainerNames.Proxy) is not { } sidecar)
        {
            return;
        }

        var variables = sidecar.EnsureList("env").Items;
        variables.RemoveAll(variable => _environment.ContainsKey(variable.TextAt("name") ?? ""));
        foreach (var (name, value) in _environment)
        {
            var variable = new YamlMapping();
            variable.Set("name", name);
            variable.Set("value", value);
            variables.Add(variable);
        }
    }

    private void SetMetadata(YamlMapping pod, YamlMapping rendered)
    {
        var metadata = pod.Ensure("metadata");
        if (_environment.TryGetValue(InjectionKeys.NetworkVariable, out var network))
        {
            metadata.Ensure("labels").Set(InjectionKeys.NetworkLabel, network);
        }

        var annotations = metadata.Ensure("annotations");
        annotations.Set(InjectionKeys.Status, InjectionStatus.Write(rendered, _settings.Revision));
        foreach (var (name, value) in _settings.Config.InjectedAnnotations)
        {
            annotations.Set(name, value);
        }
    }
}
