using System.Text;

namespace Pilotfish.Proxy.Routing;

/// <summary>A byte string as dictionary key; dictionaries with <see cref="ByteKeyComparer"/> are searched by span, without allocation.</summary>
public readonly struct ByteKey(byte[] bytes) : IEquatable<ByteKey>
{
    public ByteKey(string text)
        : this(Encoding.UTF8.GetBytes(text))
    {
    }

    public ReadOnlySpan<byte> Bytes => bytes;

    public bool Equals(ByteKey other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is ByteKey other && Equals(other);

    public static bool operator ==(ByteKey left, ByteKey right) => left.Equals(right);

    public static bool operator !=(ByteKey left, ByteKey right) => !left.Equals(right);

    public override int GetHashCode() => ByteKeyComparer.Hash(bytes);
}
