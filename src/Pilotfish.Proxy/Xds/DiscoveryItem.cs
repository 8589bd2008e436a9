namespace Pilotfish.Proxy.Xds;

/// <summary>One entry of a response's resources, read.</summary>
/// <param name="Name">Empty when it has none.</param>
/// <param name="TypeUrl">Of its message.</param>
/// <param name="Version">Null where the response's own version is meant.</param>
/// <param name="Message">Null without a message: a heartbeat of a resource with a time to live.</param>
/// <param name="Problem">Why it cannot be read, or null.</param>
internal readonly record struct DiscoveryItem(string Name, string TypeUrl, string? Version, PackedMessage? Message, string? Problem)
{
    /// <summary>Other names that it answers to; null for none.</summary>
    public List<string>? Aliases { get; init; }
}
