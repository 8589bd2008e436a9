using Pilotfish.Api.Failures;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Builds the settings of `kube-inject` from its files and flags.</summary>
internal static class KubeInjectSettings
{
    private const string DefaultRevision = "default";

    /// <param name="options">The flags.</param>
    /// <param name="environment">Reads a variable of the process' environment.</param>
    /// <param name="warn">Gets a sentence for each setting that has no effect.</param>
    /// <exception cref="InjectionException">A file is missing or holds something else than it must.</exception>
    public static InjectionSettings Load(KubeInjectOptions options, Func<string, string?> environment, Action<string> warn)
    {
        // Templates of the default revision are rendered with an empty one.
        var revision = options.Revision == DefaultRevision ? "" : options.Revision;
        var installation = InstallationValues.Create(ReadOperatorSpec(options.OperatorFile), options.Settings);
        Warn(installation.Warnings(), warn);
        var values = installation.Values(ReadValues(options, warn), revision);
        var mesh = installation.Mesh(values);
        if (ReadMapping(options.MeshConfigFile) is { } document)
        {
            var meshConfig = Unwrap(document, options.MeshConfigFile, "mesh");
            Warn(ValuesCheck.UnknownFields(meshConfig), warn);
            mesh = mesh.With(meshConfig);
        }

        var config = options.InjectConfigFile.Length == 0
            ? InjectionConfig.FromValues(values, environment)
            : InjectionConfig.Parse(ReadTemplates(options.InjectConfigFile), environment);
        return new InjectionSettings
        {
            Config = config.WithPolicy(InjectionPolicy.Enabled),
            Values = values,
            Mesh = mesh,
            Revision = revision,
            // Without a cluster there are no nodes to ask for their version, so only a clear yes counts.
            NativeSidecars = environment("ENABLE_NATIVE_SIDECARS") == "true",
            CompliancePolicy = environment("COMPLIANCE_POLICY") ?? "",
        };
    }

    /// <summary>The ConfigMap that Helm writes holds templates and values together: one file is then enough.</summary>
    private static YamlMapping? ReadValues(KubeInjectOptions options, Action<string> warn)
    {
        if (ReadMapping(options.ValuesFile) is { } given)
        {
            var values = Unwrap(given, options.ValuesFile, "values");
            Warn(ValuesCheck.Unknown(values).Concat(ValuesCheck.UnknownFields(values.Mapping("meshConfig"), "values.meshConfig")), warn);
            return values;
        }

        var parsed = YamlDocuments.Parse(
            options.InjectConfigFile.Length == 0 ? "" : ReadText(options.InjectConfigFile), options.InjectConfigFile);
        return parsed.IsOk && parsed.Documents is [YamlMapping document] && document.Text("kind") == "ConfigMap"
            && document.TextAt("data", "values") is { } text ? ParseMapping(text, "values") : null;
    }

    private static void Warn(IEnumerable<SourceError> problems, Action<string> warn)
    {
        foreach (var problem in problems)
        {
            warn($"Warning: {problem} It has no effect.");
        }
    }

    private static YamlMapping ReadOperatorSpec(string file)
    {
        var document = ReadMapping(file);
        if (document is not null && document.Text("kind") is { } kind && kind != "IstioOperator")
        {
            throw new InjectionException($"{file}: expected an IstioOperator, found {kind}.");
        }

        return document?["spec"] switch
        {
            null or { IsNull: true } => new YamlMapping(),
            YamlMapping spec => spec,
            var other => throw new InjectionException($"{file}: spec: expected a mapping, found {other.KindName}."),
        };
    }

    /// <summary>The key of a ConfigMap, where a whole ConfigMap was given in place of its content.</summary>
    private static YamlMapping Unwrap(YamlMapping document, string file, string key)
    {
        if (document.Text("kind") is not { } kind)
        {
            return document;
        }

        return ParseMapping(ConfigMapText(document, kind, file, key), key) ?? new YamlMapping();
    }

    /// <summary>Templates are a ConfigMap, its text, or one template, which is any text at all.</summary>
    private static string ReadTemplates(string file)
    {
        var text = ReadText(file);
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new InjectionException($"{file}: holds no template.");
        }

        var parsed = YamlDocuments.Parse(text, file);
        return parsed.IsOk && parsed.Documents is [YamlMapping document] && document.Text("kind") is { } kind && document.ContainsKey("apiVersion")
            ? ConfigMapText(document, kind, file, "config")
            : text;
    }

    private static string ConfigMapText(YamlMapping document, string kind, string file, string key)
    {
        if (kind != "ConfigMap")
        {
            throw new InjectionException($"{file}: expected a ConfigMap with the key '{key}', or that key's content, found {kind}.");
        }

        return document.TextAt("data", key)
            ?? throw new InjectionException($"{file}: the ConfigMap has no key '{key}' in its data.");
    }

    private static YamlMapping? ReadMapping(string file) => file.Length == 0 ? null : ParseMapping(ReadText(file), file);

    private static YamlMapping? ParseMapping(string text, string file)
    {
        var parsed = YamlDocuments.Parse(text, file);
        if (!parsed.IsOk)
        {
            throw new InjectionException(parsed.Errors[0].ToString());
        }

        return parsed.Documents switch
        {
            [] => null,
            [YamlMapping mapping] => mapping,
            [_] => throw new InjectionException($"{file}: expected a mapping."),
            _ => throw new InjectionException($"{file}: contains several documents; only one is supported."),
        };
    }

    private static string ReadText(string file)
    {
        if (Directory.Exists(file))
        {
            throw new InjectionException($"cannot read '{file}': it is a folder; name a file.");
        }

        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InjectionException($"cannot read '{file}': {FailureText.Of(e)}.", e);
        }
    }
}
