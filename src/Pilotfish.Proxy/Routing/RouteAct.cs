namespace Pilotfish.Proxy.Routing;

/// <summary>What a matching route does.</summary>
public enum RouteAct : byte
{
    Forward,
    Redirect,
    DirectResponse,

    /// <summary>Nothing: a filter answers, or the request is refused as unroutable.</summary>
    NonForwarding,
}
