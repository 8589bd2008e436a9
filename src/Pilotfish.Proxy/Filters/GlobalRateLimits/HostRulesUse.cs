namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>When a virtual host's rate_limits count.</summary>
internal enum HostRulesUse : byte
{
    /// <summary>Where the route has none.</summary>
    Override,

    /// <summary>Always.</summary>
    Include,

    /// <summary>Never.</summary>
    Ignore,
}
