using System.Runtime.InteropServices;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>
/// Writes header blocks of one connection (RFC 7541 section 6). Fields that repeat go into the dynamic table and cost one or two bytes from
/// then on; fields that differ by message are literals. Strings are not Huffman-coded unless asked for: between neighbours the
/// bytes saved are worth less than the time, and the repeating fields are indexed anyway.
/// </summary>
internal sealed class HpackEncoder(bool huffman)
{
    /// <summary>Envoy's hpack_table_size; a peer that offers more gets this much.</summary>
    public const int CapacityMax = 4096;

    /// <summary>A field's bytes beyond its name and value: representation and two lengths.</summary>
    public const int FieldOverheadMax = HpackInteger.BytesMax * 3;

    /// <summary>A size update in front.</summary>
    public const int BlockOverheadMax = HpackInteger.BytesMax * 2;

    // A direct-mapped memory of which entry holds a field; collisions only cost a repetition.
    private const int SlotCount = 256;

    private readonly HpackDynamicTable _table = new(CapacityMax);
    private long[]? _slots;
    private int _smallestPending = int.MaxValue;
    private bool _resizePending;

    public HpackDynamicTable Table => _table;

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetCapacity(uint capacity)
    {
        int bounded = (int)Math.Min(capacity, CapacityMax);
        if (bounded != _table.Capacity)
        {
            _smallestPending = Math.Min(_smallestPending, bounded);
            _resizePending = true;
            _table.Resize(bounded);
        }
    }

    /// <summary>Begins a block; returns the bytes written.</summary>
    public int Begin(Span<byte> destination)
    {
        if (!_resizePending)
        {
            return 0;
        }

        int at = 0;
        if (_smallestPending < _table.Capacity)
        {
            at = HpackInteger.Write(destination, 0x20, 5, _smallestPending);
        }

        at += HpackInteger.Write(destination[at..], 0x20, 5, _table.Capacity);
        _resizePending = false;
        _smallestPending = int.MaxValue;
        return at;
    }

    /// <summary>Writes one field; returns the bytes written.</summary>
    public int Field(Span<byte> destination, WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        int index = known == WellKnownHeader.None ? 0 : HpackStaticTable.IndexOf(known, value);
        if (index > 0)
        {
            return HpackInteger.Write(destination, 0x80, 7, index);
        }

        if (!IsWorthIndexing(known, value.Length + name.Length))
        {
            // Never indexed: intermediaries must not put secrets into a table either (section 7.1.3).
            return Literal(destination, (byte)(IsSecret(known) ? 0x10 : 0), 4, known, name, value);
        }

        uint hash = Hash(name, value);
        _slots ??= new long[SlotCount];
        ref long slot = ref _slots[hash & (SlotCount - 1)];
        long position = _table.Inserted - slot;
        if (slot != 0 && position < _table.Count)
        {
            _table.At((int)position, out ReadOnlySpan<byte> heldName, out ReadOnlySpan<byte> heldValue);
            if (heldValue.SequenceEqual(value) && heldName.SequenceEqual(name))
            {
                return HpackInteger.Write(destination, 0x80, 7, HpackStaticTable.Count + 1 + (int)position);
            }
        }

        int written = Literal(destination, 0x40, 6, known, name, value);
        _table.Insert(known, name, value);
        slot = _table.Count > 0 ? _table.Inserted : 0;
        return written;
    }

    private int Literal(Span<byte> destination, byte pattern, int prefixBits, WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        int index = known == WellKnownHeader.None ? 0 : HpackStaticTable.IndexOf(known);
        int at = HpackInteger.Write(destination, pattern, prefixBits, index);
        if (index == 0)
        {
            at += Text(destination[at..], name);
        }

        return at + Text(destination[at..], value);
    }

    private int Text(Span<byte> destination, ReadOnlySpan<byte> text)
    {
        int at;
        if (huffman && HuffmanCode.EncodedLength(text) is int coded && coded < text.Length)
        {
            at = HpackInteger.Write(destination, 0x80, 7, coded);
            return at + HuffmanCode.Encode(text, destination[at..]);
        }

        at = HpackInteger.Write(destination, 0, 7, text.Length);
        text.CopyTo(destination[at..]);
        return at + text.Length;
    }

    // What changes with each message would only push useful entries out.
    private bool IsWorthIndexing(WellKnownHeader known, int bytes)
    {
        if (bytes + HpackDynamicTable.EntryOverhead > _table.Capacity / 4)
        {
            return false;
        }

        return known is not (WellKnownHeader.Path or WellKnownHeader.ContentLength or WellKnownHeader.XRequestId or WellKnownHeader.ETag
            or WellKnownHeader.SetCookie or WellKnownHeader.LastModified or WellKnownHeader.IfNoneMatch or WellKnownHeader.IfModifiedSince
            or WellKnownHeader.Location or WellKnownHeader.Range or WellKnownHeader.Traceparent or WellKnownHeader.Tracestate
            or WellKnownHeader.XB3Traceid or WellKnownHeader.XB3Spanid or WellKnownHeader.XB3Parentspanid
            or WellKnownHeader.XEnvoyUpstreamServiceTime or WellKnownHeader.GrpcTimeout or WellKnownHeader.GrpcMessage
            or WellKnownHeader.Authorization or WellKnownHeader.Cookie or WellKnownHeader.SecWebsocketKey);
    }

    private static bool IsSecret(WellKnownHeader known) =>
        known is WellKnownHeader.Authorization or WellKnownHeader.Cookie or WellKnownHeader.SetCookie;

    // Words of name and value mixed; equality is checked on a hit, so it only has to spread.
    private static uint Hash(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        uint hash = ((uint)name.Length * 0x9E3779B1) ^ ((uint)value.Length * 0x85EBCA77);
        hash = Mix(hash, name);
        hash = Mix(hash, value);
        return hash ^ (hash >> 15);
    }

    private static uint Mix(uint hash, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
        foreach (uint word in words)
        {
            hash = (hash ^ word) * 0x9E3779B1;
            hash ^= hash >> 15;
        }

        foreach (byte b in bytes[(words.Length * 4)..])
        {
            hash = (hash ^ b) * 0x01000193;
        }

        return hash;
    }
}
