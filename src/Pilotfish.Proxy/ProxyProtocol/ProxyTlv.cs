namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>One type-length-value of a version 2 header (section 2.2.7). Compares by content.</summary>
public sealed class ProxyTlv(byte type, byte[] value) : IEquatable<ProxyTlv>
{
    public byte Type { get; } = type;

    public ReadOnlyMemory<byte> Value { get; } = value;

    public bool Equals(ProxyTlv? other) => other is not null && other.Type == Type && other.Value.Span.SequenceEqual(Value.Span);

    public override bool Equals(object? obj) => Equals(obj as ProxyTlv);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Type);
        hash.AddBytes(Value.Span);
        return hash.ToHashCode();
    }
}
