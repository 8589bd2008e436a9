using System.Buffers.Binary;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>MurmurHash2, 64 bit, with the seed that libstdc++'s std::hash uses: what MURMUR_HASH_2 rings are made with.</summary>
internal static class MurmurHash2
{
    private const ulong Seed = 0xc70f6907;
    private const ulong Multiplier = 0xc6a4a7935bd1e995;
    private const int Shift = 47;

    public static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = Seed ^ ((ulong)bytes.Length * Multiplier);
        while (bytes.Length >= 8)
        {
            ulong block = BinaryPrimitives.ReadUInt64LittleEndian(bytes) * Multiplier;
            block = (block ^ (block >> Shift)) * Multiplier;
            hash = (hash ^ block) * Multiplier;
            bytes = bytes[8..];
        }

        if (!bytes.IsEmpty)
        {
            ulong tail = 0;
            for (int i = bytes.Length - 1; i >= 0; i--)
            {
                tail = (tail << 8) | bytes[i];
            }

            hash = (hash ^ tail) * Multiplier;
        }

        hash = (hash ^ (hash >> Shift)) * Multiplier;
        return hash ^ (hash >> Shift);
    }
}
