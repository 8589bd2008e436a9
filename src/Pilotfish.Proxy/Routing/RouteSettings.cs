using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// What a route says apart from its cluster and its host's name: the routes of a mesh mostly agree in it, and equal ones share one object.
/// Immutable.
/// </summary>
public sealed class RouteSettings
{
    public required string Name { get; init; }

    public required RouteMatcher Matcher { get; init; }

    /// <summary>The path when it is compared exactly and with case, so that an index may find the route; else null.</summary>
    public string? ExactPath { get; init; }

    public required RouteAct Act { get; init; }

    public ForwardSettings? Forward { get; init; }

    public RedirectModel? Redirect { get; init; }

    public DirectResponseModel? DirectResponse { get; init; }

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;

    public DynamicMetadata? Metadata { get; init; }

    /// <summary>The decorator's operation, behind the virtual host's name where it begins with that.</summary>
    public string Decorator { get; init; } = "";

    /// <summary>Bytes of request body kept for retries and mirrors; null = the connection's buffer limit.</summary>
    public long? RequestBufferLimit { get; init; }
}
