namespace Pilotfish.Proxy.Xds;

/// <summary>One resource of a response that is not applied yet.</summary>
/// <param name="Name">Empty when the message has none; its owner judges.</param>
/// <param name="Message">The message's bytes, without its Any.</param>
/// <param name="Version">The resource's own, or the response's where resources have none.</param>
internal readonly record struct ArrivedResource(string Name, PackedMessage Message, string Version)
{
    /// <summary>Other names that it answers to; null for none.</summary>
    public IReadOnlyList<string>? Aliases { get; init; }
}
