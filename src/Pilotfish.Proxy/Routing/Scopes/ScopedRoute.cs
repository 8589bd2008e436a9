using Envoy.Config.Route.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>A compiled ScopedRouteConfiguration: which routes the requests of one key have. Immutable.</summary>
internal sealed record ScopedRoute
{
    public required string Name { get; init; }

    public required ByteKey Key { get; init; }

    /// <summary>The RDS name of its routes; empty when they are inline.</summary>
    public required string RouteName { get; init; }

    public RouteConfigModel? Inline { get; init; }

    /// <summary>Whether its routes are asked for with the first request that needs them.</summary>
    public bool IsOnDemand { get; init; }

    public static ScopedRoute Compile(ReadOnlyMemory<byte> message, CompileContext context)
    {
        try
        {
            return Compile(ScopedRouteConfiguration.Parser.ParseFrom(message.Span), context);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException("", $"the resource is not a valid ScopedRouteConfiguration: {e.Message}", e);
        }
    }

    public static ScopedRoute Compile(ScopedRouteConfiguration config, CompileContext context)
    {
        if (config.Name.Length == 0)
        {
            throw new ConfigRejectedException("name", "the scope has no name");
        }

        if (config.RouteConfigurationName.Length == 0 == config.RouteConfiguration is null)
        {
            throw new ConfigRejectedException(
                "route_configuration_name", "a scope has either a route_configuration_name or an inline route_configuration");
        }

        return new ScopedRoute
        {
            Name = config.Name,
            Key = ScopeKey.Compile(config.Key, "key"),
            RouteName = config.RouteConfigurationName,
            Inline = config.RouteConfiguration is { } inline ? CompileInline(inline, context) : null,
            IsOnDemand = config.OnDemand && config.RouteConfiguration is null,
        };
    }

    private static RouteConfigModel CompileInline(RouteConfiguration config, CompileContext context)
    {
        try
        {
            return new RouteConfigCompiler(context).Compile(config);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within("route_configuration");
        }
    }
}
