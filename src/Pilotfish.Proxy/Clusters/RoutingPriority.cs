namespace Pilotfish.Proxy.Clusters;

/// <summary>The priority of a route: each has breakers and pools of its own.</summary>
public enum RoutingPriority : byte
{
    Default,
    High,
}
