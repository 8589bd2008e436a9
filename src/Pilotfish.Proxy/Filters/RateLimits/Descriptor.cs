namespace Pilotfish.Proxy.Filters.RateLimits;

/// <summary>What a request is to a rate limit: entries in the order of the actions that made them. Belongs to one request.</summary>
internal sealed class Descriptor(RateLimitRule rule)
{
    public List<DescriptorEntry> Entries { get; } = [];

    public RateLimitRule Rule { get; } = rule;

    /// <summary>How many requests it counts for.</summary>
    public ulong Hits { get; set; } = 1;
}
