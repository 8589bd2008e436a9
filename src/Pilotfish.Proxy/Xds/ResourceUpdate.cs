namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One resource as it arrived: the bytes of its message (the value of the Any, not the Any). The bytes belong to the receiver
/// of the call until it returns; who keeps them copies them.
/// </summary>
public readonly record struct ResourceUpdate(string Name, ReadOnlyMemory<byte> Message, string Version)
{
    /// <summary>Other names that it answers to (Resource.aliases); null or empty for none.</summary>
    public IReadOnlyList<string>? Aliases { get; init; }
}
