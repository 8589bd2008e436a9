namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>What zone aware routing made of one pick.</summary>
[Flags]
internal enum ZoneChoice
{
    /// <summary>It took no part.</summary>
    None = 0,

    /// <summary>All requests stay in the zone.</summary>
    AllDirectly = 1,

    /// <summary>This one stays.</summary>
    Sampled = 2,

    /// <summary>This one goes to another zone.</summary>
    CrossZone = 4,

    /// <summary>No zone has any hosts to spare.</summary>
    NoCapacityLeft = 8,

    /// <summary>Shares were reckoned, as a membership had changed.</summary>
    Recalculated = 16,

    /// <summary>They say that there are too few hosts.</summary>
    TooSmall = 32,

    /// <summary>The cluster of this proxy's kind panics, or has no proxy in this zone.</summary>
    LocalNotOk = 64,
}
