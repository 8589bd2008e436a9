using System.IO.Hashing;

namespace Pilotfish.Proxy.Routing;

/// <summary>Compares <see cref="ByteKey"/> with spans, so that a lookup makes no key.</summary>
internal sealed class ByteKeyComparer : IEqualityComparer<ByteKey>, IAlternateEqualityComparer<ReadOnlySpan<byte>, ByteKey>
{
    public static readonly ByteKeyComparer Instance = new();

    public static int Hash(ReadOnlySpan<byte> bytes) => (int)XxHash3.HashToUInt64(bytes);

    public bool Equals(ByteKey x, ByteKey y) => x.Equals(y);

    public int GetHashCode(ByteKey obj) => obj.GetHashCode();

    public ByteKey Create(ReadOnlySpan<byte> alternate) => new(alternate.ToArray());

    public bool Equals(ReadOnlySpan<byte> alternate, ByteKey other) => alternate.SequenceEqual(other.Bytes);

    public int GetHashCode(ReadOnlySpan<byte> alternate) => Hash(alternate);
}
