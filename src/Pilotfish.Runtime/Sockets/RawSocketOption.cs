namespace Pilotfish.Runtime.Sockets;

/// <summary>A socket option given by number, as configuration may ask for. An empty value means the integer.</summary>
public readonly record struct RawSocketOption(int Level, int Name, int Number, ReadOnlyMemory<byte> Bytes = default)
{
    public SocketOptionState State { get; init; }

    /// <summary>The only family of addresses that it is for; null is for all.</summary>
    public AddressFamilyKind? Family { get; init; }

    /// <summary>By content: options of two versions of a configuration are the same ones if they say the same.</summary>
    public bool Equals(RawSocketOption other) => Level == other.Level && Name == other.Name && Number == other.Number
        && State == other.State && Family == other.Family && Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => HashCode.Combine(Level, Name, Number, State, Family, Bytes.Length);
}
