using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Shapes;
using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>Istio's ProxyConfig: its defaults, and how a mesh's or a pod's own values lie over them.</summary>
internal static class ProxyConfigMerge
{
    private const string Metadata = "proxyMetadata";
    private const string Headers = "proxyHeaders";

    private static readonly Lazy<YamlMapping> s_defaults = new(() => Parse(EmbeddedText.Read("Configuration.default-proxy-config.yaml")));

    public static StructShape Shape => ShapeCatalog.Mesh["ProxyConfig"];

    /// <summary>A fresh copy of the defaults.</summary>
    public static YamlMapping Defaults() => (YamlMapping)s_defaults.Value.Clone();

    /// <exception cref="InjectionException">The text is no ProxyConfig.</exception>
    public static YamlMapping Parse(string yaml)
    {
        var parsed = YamlDocuments.Parse(yaml, "proxy config");
        if (!parsed.IsOk)
        {
            throw new InjectionException($"could not parse proxy config: {parsed.Errors[0]}");
        }

        return parsed.Documents.Count == 0
            ? new YamlMapping()
            : NodeNormalizer.Normalize(parsed.Documents[0], Shape, "");
    }

    /// <summary>A copy of the base with every field of the overlay replaced; metadata and proxy headers merge.</summary>
    public static YamlMapping Apply(YamlMapping baseConfig, YamlMapping overlay)
    {
        var result = (YamlMapping)baseConfig.Clone();
        foreach (var entry in NodeNormalizer.Normalize(overlay, Shape, "").Entries)
        {
            if (entry.Key is Metadata or Headers && result[entry.Key] is YamlMapping existing && entry.Value is YamlMapping added)
            {
                foreach (var inner in added.Entries)
                {
                    existing[inner.Key] = inner.Value.Clone();
                }

                continue;
            }

            result[entry.Key] = entry.Value.Clone();
        }

        // The two are one choice: naming services from labels leaves no fixed name.
        if (overlay.ContainsKey("tracingServiceName"))
        {
            result.Remove("serviceCluster");
        }

        return result;
    }

    public static bool IsProxyConfig(GoValue value) => value.Kind == GoKind.Object && value.AsObject.TypeName == "ProxyConfig";

    /// <summary>The fields that differ from the defaults: the agent has the defaults itself, and pods stay readable.</summary>
    public static GoValue WithoutDefaults(GoValue config)
    {
        if (config.AsObject.ToPlain() is not { Kind: GoKind.Map } plain)
        {
            return GoValue.From(new GoMap());
        }

        var defaults = new Templates.ShapedObject(s_defaults.Value, Shape).ToPlain().AsMap;
        var kept = new GoMap();
        foreach (var (key, value) in plain.AsMap.Entries)
        {
            if (!defaults.TryGetValue(key, out var usual) || !usual.Equals(value))
            {
                kept[key] = value;
            }
        }

        return GoValue.From(kept);
    }
}
