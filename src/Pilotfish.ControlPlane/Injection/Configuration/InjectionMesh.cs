using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>The part of Istio's MeshConfig that injection reads, with its defaults filled in. Immutable.</summary>
public sealed class InjectionMesh
{
    private const string DefaultConfig = "defaultConfig";
    private const string Providers = "extensionProviders";

    private InjectionMesh(YamlMapping node)
    {
        Node = node;
    }

    /// <summary>Istio's defaults.</summary>
    public static InjectionMesh Default { get; } = new(Defaults());

    internal YamlMapping Node { get; }

    internal YamlMapping ProxyConfig => Node.Mapping(DefaultConfig)!;

    internal int StatusPort =>
        ProxyConfig["statusPort"] is YamlScalar scalar && scalar.TryGetInteger(out var port) ? (int)port : 0;

    internal bool MergesPrometheus =>
        Node["enablePrometheusMerge"] is not YamlScalar scalar || !scalar.TryGetBoolean(out var merges) || merges;

    internal bool DeliversToLocalhost => Node.TextAt("inboundTrafficPolicy", "mode") == "LOCALHOST";

    /// <summary>Lays a mesh configuration over the defaults.</summary>
    /// <exception cref="InjectionException">A field that injection reads holds something else than it must.</exception>
    public static InjectionMesh Parse(YamlMapping config) => Default.With(config);

    /// <summary>These settings with a mesh configuration over them: fields replace, the default proxy config merges, and
    /// providers replace those of the same name.</summary>
    public InjectionMesh With(YamlMapping config)
    {
        var result = (YamlMapping)Node.Clone();
        foreach (var entry in NodeNormalizer.Normalize(config, ShapeCatalog.Mesh["MeshConfig"], "").Entries)
        {
            switch (entry.Key)
            {
                case DefaultConfig:
                    result[DefaultConfig] = ProxyConfigMerge.Apply(ProxyConfig, (YamlMapping)entry.Value);
                    break;
                case Providers:
                    MergeProviders(result.EnsureList(Providers), (YamlSequence)entry.Value);
                    break;
                default:
                    result[entry.Key] = entry.Value;
                    break;
            }
        }

        return new InjectionMesh(result);
    }

    /// <summary>These settings with a pod's own proxy config over the mesh's.</summary>
    internal InjectionMesh WithProxyConfig(string yaml)
    {
        var result = (YamlMapping)Node.Clone();
        result[DefaultConfig] = ProxyConfigMerge.Apply(ProxyConfig, ProxyConfigMerge.Parse(yaml));
        return new InjectionMesh(result);
    }

    private static YamlMapping Defaults()
    {
        var node = new YamlMapping();
        node.Set("trustDomain", "cluster.local");
        node["proxyListenPort"] = YamlScalar.Integer(15001);
        node["proxyInboundListenPort"] = YamlScalar.Integer(15006);
        node["enablePrometheusMerge"] = YamlScalar.Boolean(true);
        node[DefaultConfig] = ProxyConfigMerge.Defaults();
        return node;
    }

    private static void MergeProviders(YamlSequence existing, YamlSequence added)
    {
        foreach (var provider in added.Items.OfType<YamlMapping>())
        {
            var at = existing.Items.FindIndex(item => item.TextAt("name") == provider.Text("name"));
            if (at >= 0)
            {
                existing.Items[at] = provider;
            }
            else
            {
                existing.Items.Add(provider);
            }
        }
    }
}
