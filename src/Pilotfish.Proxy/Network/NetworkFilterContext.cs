using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Network;

/// <summary>What a network filter may use while it compiles. Main loop.</summary>
public sealed class NetworkFilterContext
{
    public required CompileContext Config { get; init; }

    public required string ListenerName { get; init; }

    /// <summary>Of the listener: `listener.ADDRESS`, or of the cluster that carries the filter.</summary>
    public required string StatPrefix { get; init; }

    public required TrafficDirection Direction { get; init; }

    /// <summary>What must arrive before the listener serves (RDS, ECDS, secrets).</summary>
    public required Warming Warming { get; init; }

    /// <summary>What lives as long as the filter chain: subscriptions and stat scopes, disposed when it is gone.</summary>
    public required ICollection<IDisposable> Owned { get; init; }

    /// <summary>The same for a version of a filter that arrives later and waits for resources of its own.</summary>
    internal NetworkFilterContext For(Warming warming) => new()
    {
        Config = Config,
        ListenerName = ListenerName,
        StatPrefix = StatPrefix,
        Direction = Direction,
        Warming = warming,
        Owned = Owned,
    };
}
