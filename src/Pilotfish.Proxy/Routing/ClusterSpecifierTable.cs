using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>cluster_specifier_plugins of a route configuration by name. Main loop, while it compiles.</summary>
internal sealed class ClusterSpecifierTable
{
    private readonly Dictionary<string, ClusterSpecifier> _byName = new(StringComparer.Ordinal);

    public static ClusterSpecifierTable Compile(IList<ClusterSpecifierPlugin> plugins, string field, CompileContext context)
    {
        var table = new ClusterSpecifierTable();
        for (int i = 0; i < plugins.Count; i++)
        {
            string name = plugins[i].Extension?.Name ?? "";
            if (!table._byName.TryAdd(name, ClusterSpecifier.Compile(plugins[i], $"{field}[{i}]", context)))
            {
                throw new ConfigRejectedException($"{field}[{i}].extension.name", $"'{name}' stands here twice");
            }
        }

        return table;
    }

    /// <summary>What a route names.</summary>
    public ClusterSpecifier Get(string name, string field) => _byName.TryGetValue(name, out ClusterSpecifier? specifier)
        ? specifier
        : throw new ConfigRejectedException(field, $"cluster_specifier_plugins has no '{name}'");
}
