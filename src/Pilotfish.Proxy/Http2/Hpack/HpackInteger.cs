namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>
/// Integers of RFC 7541 section 5.1: a prefix of N bits in the first byte, then seven bits a byte, least significant first.
/// </summary>
internal static class HpackInteger
{
    /// <summary>First byte and five of seven bits: more than any length or index that fits a frame.</summary>
    public const int BytesMax = 6;

    // Beyond it nothing in a header block is legal; the bound keeps the sum inside an int whatever the peer sends.
    private const int ValueMax = int.MaxValue >> 1;

    /// <summary>Reads from <paramref name="at"/> on and moves it; false when the block ends inside or the value is out of range.</summary>
    public static bool TryRead(ReadOnlySpan<byte> block, ref int at, int prefixBits, out int value)
    {
        value = 0;
        if (at >= block.Length)
        {
            return false;
        }

        int mask = (1 << prefixBits) - 1;
        value = block[at++] & mask;
        if (value < mask)
        {
            return true;
        }

        long sum = value;
        for (int shift = 0; shift <= 28; shift += 7)
        {
            if (at >= block.Length)
            {
                return false;
            }

            byte next = block[at++];
            sum += (long)(next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                value = (int)sum;
                return sum <= ValueMax;
            }
        }

        return false;
    }

    /// <summary>Writes the value below the pattern's high bits; returns the bytes used.</summary>
    public static int Write(Span<byte> destination, byte pattern, int prefixBits, int value)
    {
        int mask = (1 << prefixBits) - 1;
        if (value < mask)
        {
            destination[0] = (byte)(pattern | value);
            return 1;
        }

        destination[0] = (byte)(pattern | mask);
        value -= mask;
        int at = 1;
        while (value >= 0x80)
        {
            destination[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[at++] = (byte)value;
        return at;
    }
}
