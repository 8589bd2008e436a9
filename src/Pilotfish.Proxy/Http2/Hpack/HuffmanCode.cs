namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>
/// The Huffman code of RFC 7541 appendix B. The code is canonical (codes count up within a length, symbols in order), so the lengths say
/// everything. Decoding walks a tree by half bytes: 16 steps per node, 16 KB in all, built once.
/// </summary>
internal static class HuffmanCode
{
    private const int Symbols = 257;
    private const int EndOfString = 256;

    // Steps: node in the low 16 bits, a symbol in the next 8, then the flags.
    private const int HasSymbol = 1 << 24;
    private const int MayEnd = 1 << 25;
    private const int Failed = 1 << 26;

    private static readonly uint[] s_codes = new uint[Symbols];
    private static readonly int[] s_steps = Build();

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>The longest text that so many encoded bytes can stand for: the shortest code has 5 bits.</summary>
    public static int DecodedBytesMax(int encoded) => (encoded * 8 / 5) + 1;

    /// <summary>False for a wrong code, padding of more than 7 bits or of other bits than ones (RFC 7541 section 5.2).</summary>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, Span<byte> destination, out int written)
    {
        written = 0;
        int state = MayEnd;
        foreach (byte b in encoded)
        {
            state = s_steps[((state & 0xFFFF) << 4) | (b >> 4)];
            if ((state & HasSymbol) != 0)
            {
                destination[written++] = (byte)(state >> 16);
            }

            if ((state & Failed) != 0)
            {
                return false;
            }

            state = s_steps[((state & 0xFFFF) << 4) | (b & 15)];
            if ((state & HasSymbol) != 0)
            {
                destination[written++] = (byte)(state >> 16);
            }

            if ((state & Failed) != 0)
            {
                return false;
            }
        }

        return (state & MayEnd) != 0;
    }

    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        int bits = 0;
        foreach (byte b in text)
        {
            bits += Lengths[b];
        }

        return (bits + 7) / 8;
    }

    /// <summary>Writes <see cref="EncodedLength"/> bytes.</summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        ulong pending = 0;
        int bits = 0;
        int at = 0;
        foreach (byte b in text)
        {
            int length = Lengths[b];
            pending = (pending << length) | s_codes[b];
            bits += length;
            while (bits >= 8)
            {
                bits -= 8;
                destination[at++] = (byte)(pending >> bits);
            }
        }

        if (bits > 0)
        {
            destination[at++] = (byte)((pending << (8 - bits)) | (0xFFUL >> bits));
        }

        return at;
    }

    private static int[] Build()
    {
        // A binary tree first: children by node, negative = the symbol -1-s, 0 = none yet.
        var children = new List<int[]> { new int[2] };
        uint code = 0;
        for (int length = 1; length <= 30; length++)
        {
            for (int symbol = 0; symbol < Symbols; symbol++)
            {
                if (Lengths[symbol] == length)
                {
                    s_codes[symbol] = code;
                    Insert(children, symbol, code++, length);
                }
            }

            code <<= 1;
        }

        var steps = new int[children.Count * 16];
        bool[] mayEnd = FindEnds(children);
        for (int node = 0; node < children.Count; node++)
        {
            for (int nibble = 0; nibble < 16; nibble++)
            {
                steps[(node << 4) | nibble] = Step(children, mayEnd, node, nibble);
            }
        }

        return steps;
    }

    private static void Insert(List<int[]> children, int symbol, uint code, int length)
    {
        int node = 0;
        for (int bit = length - 1; bit > 0; bit--)
        {
            ref int next = ref children[node][(code >> bit) & 1];
            if (next == 0)
            {
                next = children.Count;
                children.Add(new int[2]);
            }

            node = next;
        }

        children[node][code & 1] = -1 - symbol;
    }

    // Padding is a prefix of EOS, which is all ones: up to seven ones from the root.
    private static bool[] FindEnds(List<int[]> children)
    {
        var ends = new bool[children.Count];
        int node = 0;
        for (int ones = 0; ones <= 7 && node >= 0; ones++)
        {
            ends[node] = true;
            node = children[node][1];
        }

        return ends;
    }

    private static int Step(List<int[]> children, bool[] mayEnd, int node, int nibble)
    {
        int symbol = 0;
        int flags = 0;
        for (int bit = 3; bit >= 0; bit--)
        {
            int next = children[node][(nibble >> bit) & 1];
            if (next == -1 - EndOfString || next == 0)
            {
                return Failed;
            }

            if (next < 0)
            {
                // The shortest code has 5 bits, so at most one symbol ends within a half byte.
                symbol = -1 - next;
                flags |= HasSymbol;
                node = 0;
            }
            else
            {
                node = next;
            }
        }

        return node | (symbol << 16) | flags | (mayEnd[node] ? MayEnd : 0);
    }
}
