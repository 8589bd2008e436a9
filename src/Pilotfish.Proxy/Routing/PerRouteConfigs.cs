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
            compiled.Add(name, CompileOne(name, config, $"{field}['{name}']", context));
        }

        return new PerRouteConfigs(compiled);
    }

    /// <summary>Whether one of these keeps state of its own while it serves.</summary>
    public static bool KeepState(MapField<string, Any> configs, CompileContext context)
    {
        foreach (Any config in configs.Values)
        {
            string name = ExtensionRegistry.Unwrap(config, "").MessageName;
            if (name == FilterConfigName)
            {
                Any? inner = ExtensionRegistry.Unwrap(config, "").Parse(FilterConfig.Parser).Config;
                name = inner is null ? "" : ExtensionRegistry.Unwrap(inner, "").MessageName;
            }

            if (context.Extensions.TryFind(name, out IHttpFilterRouteConfigFactory? factory) && factory.KeepsState)
            {
                return true;
            }
        }

        return false;
    }

    // Whatever stands at a level switches the filter on there unless it says disabled (router/per_filter_config.cc).
    private static PerRouteConfig CompileOne(string name, Any config, string field, CompileContext context)
    {
        ExtensionConfig typed = ExtensionRegistry.Unwrap(config, field);
        bool optional = false;
        if (typed.MessageName == FilterConfigName)
        {
            FilterConfig wrapper = typed.Parse(FilterConfig.Parser);
            if (wrapper.Disabled)
            {
                return new PerRouteConfig(null, Disabled: true);
            }

            if (wrapper.Config is null)
            {
                throw new ConfigRejectedException($"{field}.config", $"it is not set, and filter '{name}' is not disabled");
            }

            if (wrapper.Config.TypeUrl.Length == 0)
            {
                return new PerRouteConfig(null, Disabled: false);
            }

            optional = wrapper.IsOptional;
            typed = ExtensionRegistry.Unwrap(wrapper.Config, $"{field}.config");
        }

        if (context.Extensions.TryFind(typed.MessageName, out IHttpFilterRouteConfigFactory? factory))
        {
            return new PerRouteConfig(factory.CompileRouteConfig(typed, context), Disabled: false);
        }

        return optional
            ? new PerRouteConfig(null, Disabled: false)
            : throw new ConfigRejectedException(field, $"filter '{name}' has per-route config of the unknown type '{typed.MessageName}'");
    }
}
