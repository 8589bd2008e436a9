using System.Buffers.Binary;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// What peers show behind their leaves, each list once while it is in use: a mesh's peers show the same intermediates. Any thread; an entry
/// that is lost to another thread's write is made again.
/// </summary>
internal static class PeerIssuers
{
    /// <summary>Chains have some KB; a connection must not hold what a peer stuffs into its handshake. Longer ones count as not shown.</summary>
    internal const int BytesMax = 32 * 1024;

    private const int EntriesMax = 64;

    private static readonly byte[][]?[] s_entries = new byte[][]?[EntriesMax];

    internal static IReadOnlyList<byte[]> Of(IReadOnlyList<byte[]> issuers)
    {
        long bytes = 0;
        foreach (byte[] issuer in issuers)
        {
            bytes += issuer.Length;
        }

        if (issuers.Count == 0 || bytes > BytesMax || issuers[0].Length < sizeof(ushort))
        {
            return [];
        }

        // By the end of the first, its signature: as good as random.
        ref byte[][]? entry = ref s_entries[BinaryPrimitives.ReadUInt16LittleEndian(issuers[0].AsSpan(issuers[0].Length - sizeof(ushort))) % EntriesMax];
        if (Volatile.Read(ref entry) is { } known && Same(known, issuers))
        {
            return known;
        }

        byte[][] shared = [.. issuers];
        Volatile.Write(ref entry, shared);
        return shared;
    }

    private static bool Same(byte[][] known, IReadOnlyList<byte[]> issuers)
    {
        for (int i = 0; i < known.Length; i++)
        {
            if (known.Length != issuers.Count || !known[i].AsSpan().SequenceEqual(issuers[i]))
            {
                return false;
            }
        }

        return true;
    }
}
