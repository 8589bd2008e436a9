using Pilotfish.Proxy.Filters.RateLimits;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>A compiled RateLimitPerRoute.</summary>
/// <param name="HostRules">Whether the virtual host's rate_limits count beside the route's.</param>
/// <param name="Rules">In place of all others; empty = those.</param>
/// <param name="Domain">In place of the filter's; null = that one.</param>
internal sealed record GlobalRateLimitRoute(HostRulesUse HostRules, RateLimitRule[] Rules, string? Domain);
