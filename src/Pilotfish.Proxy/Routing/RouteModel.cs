using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled route. Immutable; a request that chose it pins it for its life.</summary>
public sealed class RouteModel
{
    public required string Name { get; init; }

    public required RouteMatcher Matcher { get; init; }

    public required RouteAct Act { get; init; }

    public ForwardModel? Forward { get; init; }

    public RedirectModel? Redirect { get; init; }

    public DirectResponseModel? DirectResponse { get; init; }

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;

    public DynamicMetadata? Metadata { get; init; }

    public string DecoratorOperation { get; init; } = "";

    /// <summary>Bytes of request body kept for retries and mirrors; null = the connection's buffer limit.</summary>
    public long? RequestBufferLimit { get; init; }
}
