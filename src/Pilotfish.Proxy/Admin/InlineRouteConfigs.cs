using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// The route configurations that stand in connection managers themselves, one for each connection manager. They are read out of what is held for
/// the answer that wants them, so that they cost no memory besides.
/// </summary>
internal static class InlineRouteConfigs
{
    private const string ConnectionManager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    /// <summary>Those of a held listener, in the order of its filter chains, or of a network filter that came by ECDS; else none.</summary>
    public static IEnumerable<RouteConfiguration> Of(ResourceType type, HeldResource held)
    {
        if (type == ResourceType.Extension)
        {
            return Of(TypedExtensionConfig.Parser.ParseFrom(held.Message()).TypedConfig) is { } routes ? [routes] : [];
        }

        return type == ResourceType.Listener ? Of(Listener.Parser.ParseFrom(held.Message())) : [];
    }

    private static IEnumerable<RouteConfiguration> Of(Listener listener)
    {
        foreach (FilterChain chain in listener.FilterChains)
        {
            foreach (RouteConfiguration routes in Of(chain))
            {
                yield return routes;
            }
        }

        if (listener.DefaultFilterChain is { } rest)
        {
            foreach (RouteConfiguration routes in Of(rest))
            {
                yield return routes;
            }
        }
    }

    private static IEnumerable<RouteConfiguration> Of(FilterChain chain)
    {
        foreach (Filter filter in chain.Filters)
        {
            if (Of(filter.TypedConfig) is { } routes)
            {
                yield return routes;
            }
        }
    }

    // Held configs were accepted: they parse.
    private static RouteConfiguration? Of(Any? typedConfig)
    {
        if (typedConfig is null)
        {
            return null;
        }

        ExtensionConfig config = ExtensionRegistry.Unwrap(typedConfig, "");
        return config.MessageName == ConnectionManager ? config.Parse(HttpConnectionManager.Parser).RouteConfig : null;
    }
}
