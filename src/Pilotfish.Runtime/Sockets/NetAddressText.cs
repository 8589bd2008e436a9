using System.Globalization;

namespace Pilotfish.Runtime.Sockets;

/// <summary>IP addresses as UTF-8 text: dotted quads, and IPv6 in the shortest form of RFC 5952.</summary>
internal static class NetAddressText
{
    internal static bool TryFormatIPv4(uint address, Span<byte> utf8, out int written)
    {
        written = 0;
        int at = 0;
        for (int shift = 24; shift >= 0; shift -= 8)
        {
            if (!((byte)(address >> shift)).TryFormat(utf8[at..], out int digits, default, CultureInfo.InvariantCulture))
            {
                return false;
            }

            at += digits;
            if (shift > 0)
            {
                if (at == utf8.Length)
                {
                    return false;
                }

                utf8[at++] = (byte)'.';
            }
        }

        written = at;
        return true;
    }

    internal static bool TryFormatIPv6(UInt128 address, uint scope, Span<byte> utf8, out int written)
    {
        written = 0;
        // 39 characters of address, '%' and ten digits: formatted aside so that a short destination stays untouched.
        Span<byte> text = stackalloc byte[64];
        int at = WriteGroups(address, text);
        if (scope != 0)
        {
            text[at++] = (byte)'%';
            scope.TryFormat(text[at..], out int digits, default, CultureInfo.InvariantCulture);
            at += digits;
        }

        if (!text[..at].TryCopyTo(utf8))
        {
            return false;
        }

        written = at;
        return true;
    }

    private static int WriteGroups(UInt128 address, Span<byte> text)
    {
        int at = 0;
        if (address >> 32 == 0xffff)
        {
            "::ffff:"u8.CopyTo(text);
            TryFormatIPv4((uint)address, text[7..], out int v4);
            return 7 + v4;
        }

        (int zeroStart, int zeroCount) = LongestZeroRun(address);
        for (int group = 0; group < 8; group++)
        {
            if (group == zeroStart)
            {
                text[at++] = (byte)':';
                text[at++] = (byte)':';
                group += zeroCount - 1;
                continue;
            }

            if (group > 0 && group != zeroStart + zeroCount)
            {
                text[at++] = (byte)':';
            }

            Group(address, group).TryFormat(text[at..], out int digits, "x", CultureInfo.InvariantCulture);
            at += digits;
        }

        return at;
    }

    /// <summary>The longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2); -9 when none.</summary>
    private static (int Start, int Count) LongestZeroRun(UInt128 address)
    {
        int best = -9;
        int bestCount = 1;
        for (int group = 0; group < 8; group++)
        {
            int count = 0;
            while (group + count < 8 && Group(address, group + count) == 0)
            {
                count++;
            }

            if (count > bestCount)
            {
                (best, bestCount) = (group, count);
            }

            group += count;
        }

        return (best, bestCount);
    }

    private static ushort Group(UInt128 address, int index) => (ushort)(address >> (112 - (16 * index)));
}
