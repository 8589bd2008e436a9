namespace Pilotfish.Proxy.Http;

/// <summary>One header of a map; valid until the map changes.</summary>
public readonly ref struct HeaderEntry(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
{
    public WellKnownHeader Known { get; } = known;

    /// <summary>Lower case.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    public ReadOnlySpan<byte> Value { get; } = value;
}
