using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>
/// Reads complete header blocks of one connection (RFC 7541 sections 3 and 6). What a sink refuses is decoded all the same, since the
/// table must stay in step with the peer's; only bytes that are no HPACK end the connection. Loop-affine.
/// </summary>
internal sealed class HpackDecoder(BufferPool buffers, int capacityMax)
{
    private readonly HpackDynamicTable _table = new(capacityMax);

    public HpackDynamicTable Table => _table;

    /// <summary>False when the block is no HPACK (COMPRESSION_ERROR).</summary>
    public bool TryDecode(ReadOnlySpan<byte> block, IHpackSink sink)
    {
        PooledBuffer? scratch = null;
        bool ok = TryDecode(block, sink, ref scratch);
        scratch?.Return();
        return ok;
    }

    private bool TryDecode(ReadOnlySpan<byte> block, IHpackSink sink, ref PooledBuffer? scratch)
    {
        int at = 0;
        bool fieldSeen = false;
        while (at < block.Length)
        {
            byte first = block[at];
            if ((first & 0x80) != 0)
            {
                if (!HpackInteger.TryRead(block, ref at, 7, out int index)
                    || !TryFind(index, out WellKnownHeader known, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
                {
                    return false;
                }

                sink.OnField(known, name, value);
            }
            else if ((first & 0xE0) == 0x20)
            {
                // Size updates stand in front of the fields only (section 4.2).
                if (fieldSeen || !HpackInteger.TryRead(block, ref at, 5, out int capacity) || capacity > capacityMax)
                {
                    return false;
                }

                _table.Resize(capacity);
                continue;
            }
            else if (!TryLiteral(block, ref at, sink, ref scratch))
            {
                return false;
            }

            fieldSeen = true;
        }

        return true;
    }

    private bool TryLiteral(ReadOnlySpan<byte> block, ref int at, IHpackSink sink, ref PooledBuffer? scratch)
    {
        bool indexed = (block[at] & 0x40) != 0;
        if (!HpackInteger.TryRead(block, ref at, indexed ? 6 : 4, out int index))
        {
            return false;
        }

        int scratchUsed = 0;
        WellKnownHeader known;
        ReadOnlySpan<byte> name;
        if (index != 0)
        {
            if (!TryFind(index, out known, out name, out _))
            {
                return false;
            }
        }
        else
        {
            if (!TryString(block, ref at, ref scratch, ref scratchUsed, out name))
            {
                return false;
            }

            known = WellKnownHeaders.Find(name);
        }

        if (!TryString(block, ref at, ref scratch, ref scratchUsed, out ReadOnlySpan<byte> value))
        {
            return false;
        }

        sink.OnField(known, name, value);
        if (indexed)
        {
            _table.Insert(known, name, value);
        }

        return true;
    }

    private bool TryString(
        ReadOnlySpan<byte> block, scoped ref int at, scoped ref PooledBuffer? scratch, scoped ref int scratchUsed, out ReadOnlySpan<byte> text)
    {
        text = default;
        bool huffman = at < block.Length && (block[at] & 0x80) != 0;
        if (!HpackInteger.TryRead(block, ref at, 7, out int length) || length > block.Length - at)
        {
            return false;
        }

        text = block.Slice(at, length);
        at += length;
        if (!huffman)
        {
            return true;
        }

        // Name and value of one field come from different bytes of this block, so twice the block holds both.
        scratch ??= buffers.Rent((block.Length * 2) + 2);
        Span<byte> room = scratch.Span[scratchUsed..];
        if (!HuffmanCode.TryDecode(text, room, out int written))
        {
            return false;
        }

        text = room[..written];
        scratchUsed += written;
        return true;
    }

    private bool TryFind(int index, out WellKnownHeader known, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if (index is > 0 and <= HpackStaticTable.Count)
        {
            known = HpackStaticTable.Known(index);
            name = HpackStaticTable.Name(index);
            value = HpackStaticTable.Value(index);
            return true;
        }

        int position = index - HpackStaticTable.Count - 1;
        if ((uint)position < (uint)_table.Count)
        {
            known = _table.At(position, out name, out value);
            return true;
        }

        known = WellKnownHeader.None;
        name = default;
        value = default;
        return false;
    }
}
