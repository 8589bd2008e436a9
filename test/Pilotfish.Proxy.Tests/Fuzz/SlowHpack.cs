using System.Numerics;
using System.Text;
using Pilotfish.Proxy.Http2.Hpack;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// RFC 7541 read the slow way as an oracle: the dynamic table is a list of pairs of strings, integers are as large as they are, Huffman
/// codes are looked up bit by bit. The static table and the code are the RFC's, which other tests hold against it.
/// </summary>
internal sealed class SlowHpack(int capacityMax)
{
    private static readonly Dictionary<string, char> s_symbols = Symbols();

    private readonly List<(string Name, string Value)> _table = [];
    private readonly int _capacityMax = capacityMax;
    private int _capacity = capacityMax;
    private byte[] _block = [];
    private int _at;

    public int Size => _table.Sum(static entry => entry.Name.Length + entry.Value.Length + 32);

    /// <summary>The fields; null when the block is malformed.</summary>
    public List<(string Name, string Value)>? Decode(byte[] block)
    {
        _block = block;
        _at = 0;
        var fields = new List<(string Name, string Value)>();
        try
        {
            while (_at < block.Length)
            {
                byte first = block[_at];
                if (first >= 0x80)
                {
                    fields.Add(Entry(Integer(7)));
                }
                else if (first is >= 0x20 and < 0x40)
                {
                    _capacity = fields.Count == 0 ? Integer(5) : throw new FormatException("A size update stands behind a field.");
                    Evict(_capacity <= _capacityMax ? 0 : throw new FormatException("The table may not be that large."));
                }
                else
                {
                    int index = Integer(first >= 0x40 ? 6 : 4);
                    (string, string) field = (index > 0 ? Entry(index).Name : Text(), Text());
                    fields.Add(field);
                    if (first >= 0x40)
                    {
                        Insert(field);
                    }
                }
            }
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            return null;
        }

        return fields;
    }

    private (string Name, string Value) Entry(int index)
    {
        if (index < 1)
        {
            throw new FormatException("Index 0 is no entry.");
        }

        return index <= HpackStaticTable.Count
            ? (Encoding.Latin1.GetString(HpackStaticTable.Name(index)), Encoding.Latin1.GetString(HpackStaticTable.Value(index)))
            : _table[index - HpackStaticTable.Count - 1];
    }

    private void Insert((string Name, string Value) field)
    {
        int size = field.Name.Length + field.Value.Length + 32;
        Evict(size);
        if (size <= _capacity)
        {
            _table.Insert(0, field);
        }
    }

    private void Evict(int room)
    {
        while (_table.Count > 0 && Size + room > _capacity)
        {
            _table.RemoveAt(_table.Count - 1);
        }
    }

    // Section 5.1. Encodings of more than five bytes are refused (our bound), whatever they mean.
    private int Integer(int prefix)
    {
        int mask = (1 << prefix) - 1;
        BigInteger value = _block[_at++] & mask;
        if (value == mask)
        {
            int shift = 0;
            byte next;
            do
            {
                next = _block[_at++];
                value += new BigInteger(next & 0x7f) << shift;
                shift += 7;
                if (shift > 28 && next >= 0x80)
                {
                    throw new FormatException("The integer does not end.");
                }
            }
            while (next >= 0x80);
        }

        return (int)value;
    }

    private string Text()
    {
        bool huffman = _block[_at] >= 0x80;
        int length = Integer(7);
        if (length > _block.Length - _at)
        {
            throw new FormatException("The string is longer than the block.");
        }

        byte[] bytes = _block[_at..(_at + length)];
        _at += length;
        return huffman ? Huffman(bytes) : Encoding.Latin1.GetString(bytes);
    }

    private static string Huffman(byte[] bytes)
    {
        var text = new StringBuilder();
        string code = "";
        foreach (char bit in string.Concat(bytes.Select(static value => value.ToString("b8", null))))
        {
            code += bit;
            if (s_symbols.TryGetValue(code, out char symbol))
            {
                text.Append(symbol);
                code = "";
            }
        }

        // What is left is padding: less than a byte, the beginning of EOS, which is all ones.
        return code.Length < 8 && !code.Contains('0', StringComparison.Ordinal) ? text.ToString() : throw new FormatException("Bad padding.");
    }

    // Each symbol's code, read off its encoding: of eight copies the bits repeat eight times, and one code is an eighth of them.
    private static Dictionary<string, char> Symbols()
    {
        var symbols = new Dictionary<string, char>(StringComparer.Ordinal);
        for (int i = 0; i < 256; i++)
        {
            byte[] copies = Enumerable.Repeat((byte)i, 8).ToArray();
            byte[] coded = new byte[HuffmanCode.EncodedLength(copies)];
            HuffmanCode.Encode(copies, coded);
            symbols[string.Concat(coded.Select(static value => value.ToString("b8", null)))[..coded.Length]] = (char)i;
        }

        return symbols;
    }
}
