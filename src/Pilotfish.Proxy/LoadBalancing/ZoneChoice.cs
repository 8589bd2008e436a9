namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>What zone aware routing made of one pick.</summary>
internal enum ZoneChoice
{
    /// <summary>It took no part.</summary>
    None,

    /// <summary>All requests stay in the zone.</summary>
    AllDirectly,

    /// <summary>This one stays.</summary>
    Sampled,

    /// <summary>This one goes to a zone that has hosts to spare.</summary>
    CrossZone,

    /// <summary>It would, and no zone has any to spare.</summary>
    NoCapacityLeft,

    /// <summary>Too few hosts.</summary>
    TooSmall,

    /// <summary>The cluster of this proxy's kind panics or is not there.</summary>
    LocalNotOk,
}
