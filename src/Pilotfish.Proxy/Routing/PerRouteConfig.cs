namespace Pilotfish.Proxy.Routing;

/// <summary>One entry of typed_per_filter_config: the compiled config, or that the filter is disabled (or enabled again) here.</summary>
public sealed record PerRouteConfig(object? Config, bool Disabled);
