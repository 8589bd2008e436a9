namespace Pilotfish.Proxy.Filters.RateLimits;

/// <summary>One key and value of a rate limit descriptor.</summary>
internal readonly record struct DescriptorEntry(string Key, string Value);
