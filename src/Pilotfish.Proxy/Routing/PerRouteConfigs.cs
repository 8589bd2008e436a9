using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>typed_per_filter_config of one level, keyed by the filter's configured name.</summary>
public sealed class PerRouteConfigs
{
    public static readonly PerRouteConfigs None = new([]);
    private const string FilterConfigName = "envoy.config.route.v3.FilterConfig";

    private readonly Dictionary<string, PerRouteConfig> _byName;

    private PerRouteConfigs(Dictionary<string, PerRouteConfig> byName) => _byName = byName;

    public bool IsEmpty => _byName.Count == 0;

    public PerRouteConfig? Get(string filterName) => _byName.GetValueOrDefault(filterName);

    public static PerRouteConfigs Compile(MapField<string, Any> configs, string field, CompileContext context)
    {
        if (configs.Count == 0)
        {
            return None;
        }

        var compiled = new Dictionary<string, PerRouteConfig>(StringComparer.Ordinal);
        foreach ((string name, Any config) in configs)
        {
            if (CompileOne(name, config, $"{field}['{name}']", context) is { } one)
            {
                compiled.Add(name, one);
            }
        }

        return new PerRouteConfigs(compiled);
    }

    private static PerRouteConfig? CompileOne(string name, Any config, string field, CompileContext context)
    {
        ExtensionConfig typed = ExtensionRegistry.Unwrap(config, field);
        bool optional = false;
        bool disabled = false;
        if (typed.MessageName == FilterConfigName)
        {
            FilterConfig wrapper = typed.Parse(FilterConfig.Parser);
            optional = wrapper.IsOptional;
            disabled = wrapper.Disabled;
            if (wrapper.Config is null || wrapper.Config.TypeUrl.Length == 0)
            {
                return new PerRouteConfig(null, disabled);
            }

            typed = ExtensionRegistry.Unwrap(wrapper.Config, $"{field}.config");
        }

        if (!context.Extensions.TryFind(typed.MessageName, out IHttpFilterRouteConfigFactory? factory))
        {
            return optional
                ? null
                : throw new ConfigRejectedException(field, $"filter '{name}' has per-route config of the unknown type '{typed.MessageName}'");
        }

        return new PerRouteConfig(factory.CompileRouteConfig(typed, context), disabled);
    }
}
