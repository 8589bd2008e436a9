using System.Buffers.Text;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// Headers of one message in arrival order. Owns its bytes: names and values are slices of one arena, so a map outlives the receive
/// buffer it was parsed from (copying a 500-byte head costs about 20 ns; tying the buffer's life to the request costs a buffer).
/// Reusable: <see cref="Clear"/> keeps the arrays. Loop-affine.
/// </summary>
public sealed class HeaderMap : IHeaderReader
{
    // Heads of browsers have 10-25 headers and 400-900 bytes; both grow on demand up to the codec's limits.
    private const int InitialEntries = 32;
    private const int InitialArenaBytes = 2048;

    // A pooled map that met a huge head gives its arrays back, so one odd client does not inflate every worker.
    private const int RetainedArenaBytesMax = 16 * 1024;

    private readonly short[] _first = new short[WellKnownHeaders.Count];
    private Entry[] _entries = new Entry[InitialEntries];
    private byte[] _arena = new byte[InitialArenaBytes];
    private int _used;
    private int _count;
    private int _removed;

    // Which well-known headers there are, a bit for each: most questions are about headers that are absent, and are answered by this alone.
    private ulong _low;
    private ulong _high;

    // Whether a well-known header was ever added while there was one: else nothing need be searched behind its first.
    private bool _repeats;
    private byte[] _keptHead = [];
    private int _keptHeadBytes;

    public int Count => _count - _removed;

    /// <summary>Entries including removed ones: the bound of <see cref="IsLive"/> and <see cref="At"/>.</summary>
    public int SlotCount => _count;

    /// <summary>Names and values of all entries, without separators.</summary>
    public int ByteSize { get; private set; }

    public bool IsLive(int slot) => !_entries[slot].IsRemoved;

    public HeaderEntry At(int slot)
    {
        ref Entry entry = ref _entries[slot];
        return new HeaderEntry(entry.Known, NameOf(in entry), ValueOf(in entry));
    }

    public HeaderEntry EntryAt(int index)
    {
        if (_removed == 0)
        {
            return At(index);
        }

        int slot = -1;
        for (int left = index; left >= 0; left--)
        {
            do
            {
                slot++;
            }
            while (_entries[slot].IsRemoved);
        }

        return At(slot);
    }

    public bool Has(WellKnownHeader header) => ((((int)header < 64 ? _low : _high) >> (int)header) & 1) != 0;

    /// <summary>Whether it has any of these; one question for a list of headers that few messages have.</summary>
    internal bool HasAny(WellKnownHeaderSet headers) => ((_low & headers.Low) | (_high & headers.High)) != 0;

    public ReadOnlySpan<byte> this[WellKnownHeader header] => TryGet(header, out ReadOnlySpan<byte> value) ? value : default;

    public bool TryGet(WellKnownHeader header, out ReadOnlySpan<byte> value)
    {
        int slot = _first[(int)header] - 1;
        value = slot < 0 ? default : ValueOf(in _entries[slot]);
        return slot >= 0;
    }

    public bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value)
    {
        int slot = FindSlot(lowerCaseName);
        value = slot < 0 ? default : ValueOf(in _entries[slot]);
        return slot >= 0;
    }

    /// <summary>The slot of the first header of that name at or after <paramref name="from"/>, or -1.</summary>
    public int FindSlot(ReadOnlySpan<byte> lowerCaseName, int from = 0)
    {
        WellKnownHeader known = WellKnownHeaders.Find(lowerCaseName);
        return known != WellKnownHeader.None ? FindSlot(known, from) : FindOtherSlot(lowerCaseName, from);
    }

    /// <summary>As <see cref="FindSlot(ReadOnlySpan{byte}, int)"/> for a name that the caller knows to be none of the well-known ones.</summary>
    internal int FindOtherSlot(ReadOnlySpan<byte> lowerCaseName, int from = 0)
    {
        for (int i = from; i < _count; i++)
        {
            ref Entry entry = ref _entries[i];
            if (entry.Known == WellKnownHeader.None && !entry.IsRemoved && NameOf(in entry).SequenceEqual(lowerCaseName))
            {
                return i;
            }
        }

        return -1;
    }

    public int FindSlot(WellKnownHeader header, int from = 0)
    {
        int first = _first[(int)header] - 1;
        if (first < 0 || first >= from || !_repeats)
        {
            return first >= from ? first : -1;
        }

        for (int i = from; i < _count; i++)
        {
            if (_entries[i].Known == header && !_entries[i].IsRemoved)
            {
                return i;
            }
        }

        return -1;
    }

    public void Clear()
    {
        if (_count > 0)
        {
            Array.Clear(_first);
        }

        _used = 0;
        _count = 0;
        _removed = 0;
        _repeats = false;
        _low = 0;
        _high = 0;
        Case = null;
        ByteSize = 0;
        if (_arena.Length > RetainedArenaBytesMax)
        {
            _arena = new byte[InitialArenaBytes];
        }
    }

    public void CopyFrom(IHeaderReader other)
    {
        Clear();
        for (int i = 0; i < other.Count; i++)
        {
            HeaderEntry entry = other.EntryAt(i);
            if (entry.Known != WellKnownHeader.None)
            {
                Add(entry.Known, entry.Value);
            }
            else
            {
                Add(entry.Name, entry.Value);
            }
        }
    }

    public void Add(WellKnownHeader header, ReadOnlySpan<byte> value)
    {
        Debug.Assert(header != WellKnownHeader.None, "Unknown headers are added by name.");
        int offset = Append(value);
        AddEntry(header, 0, 0, offset, value.Length, canonical: false);
    }

    /// <summary>Adds a header whose name is in lower case.</summary>
    public void Add(ReadOnlySpan<byte> lowerCaseName, ReadOnlySpan<byte> value)
    {
        WellKnownHeader known = WellKnownHeaders.Find(lowerCaseName);
        if (known != WellKnownHeader.None)
        {
            Add(known, value);
            return;
        }

        int nameOffset = Append(lowerCaseName);
        int valueOffset = Append(value);
        AddEntry(WellKnownHeader.None, nameOffset, lowerCaseName.Length, valueOffset, value.Length, canonical: false);
    }

    /// <summary>Replaces every value of a header by one.</summary>
    public void Set(WellKnownHeader header, ReadOnlySpan<byte> value)
    {
        int slot = _first[(int)header] - 1;
        if (slot < 0)
        {
            Add(header, value);
            return;
        }

        ReplaceAt(slot, value);
        RemoveAfter(slot, header);
    }

    public void Set(ReadOnlySpan<byte> lowerCaseName, ReadOnlySpan<byte> value)
    {
        WellKnownHeader known = WellKnownHeaders.Find(lowerCaseName);
        if (known != WellKnownHeader.None)
        {
            Set(known, value);
            return;
        }

        int slot = FindSlot(lowerCaseName);
        if (slot < 0)
        {
            Add(lowerCaseName, value);
            return;
        }

        ReplaceAt(slot, value);
        for (int next = FindSlot(lowerCaseName, slot + 1); next >= 0; next = FindSlot(lowerCaseName, next + 1))
        {
            RemoveAt(next);
        }
    }

    public void SetNumber(WellKnownHeader header, long value)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, text, out int written);
        Set(header, text[..written]);
    }

    /// <summary>Appends to a header's first value with a separator, or adds the header.</summary>
    public void AppendValue(WellKnownHeader header, ReadOnlySpan<byte> separator, ReadOnlySpan<byte> value)
    {
        int slot = _first[(int)header] - 1;
        if (slot < 0)
        {
            Add(header, value);
            return;
        }

        int before = _entries[slot].ValueLength;
        int length = before + separator.Length + value.Length;
        int offset = Reserve(length);
        ref Entry entry = ref _entries[slot];
        _arena.AsSpan(entry.ValueOffset, before).CopyTo(_arena.AsSpan(offset));
        separator.CopyTo(_arena.AsSpan(offset + before));
        value.CopyTo(_arena.AsSpan(offset + before + separator.Length));
        entry.ValueOffset = offset;
        entry.ValueLength = length;
        entry.Canonical = false;
        ByteSize += length - before;
    }

    // Two dozen headers are taken off every request, nearly all of which it does not have: that they are absent is seen without a call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Remove(WellKnownHeader header) => Has(header) && RemovePresent(header);

    public bool Remove(ReadOnlySpan<byte> lowerCaseName)
    {
        WellKnownHeader known = WellKnownHeaders.Find(lowerCaseName);
        if (known != WellKnownHeader.None)
        {
            return Remove(known);
        }

        bool any = false;
        for (int slot = FindSlot(lowerCaseName); slot >= 0; slot = FindSlot(lowerCaseName, slot + 1))
        {
            MarkRemoved(slot);
            any = true;
        }

        return any;
    }

    /// <summary>Removes every header whose lower-case name starts with the prefix.</summary>
    public void RemovePrefix(ReadOnlySpan<byte> prefix)
    {
        for (int i = 0; i < _count; i++)
        {
            if (!_entries[i].IsRemoved && NameOf(in _entries[i]).StartsWith(prefix))
            {
                RemoveAt(i);
            }
        }
    }

    public void RemoveAt(int slot)
    {
        WellKnownHeader known = _entries[slot].Known;
        MarkRemoved(slot);
        if (known == WellKnownHeader.None || _first[(int)known] != slot + 1)
        {
            return;
        }

        Forget(known);
        for (int i = slot + 1; _repeats && i < _count; i++)
        {
            if (_entries[i].Known == known && !_entries[i].IsRemoved)
            {
                SetFirst(known, i);
                return;
            }
        }
    }

    public void ReplaceAt(int slot, ReadOnlySpan<byte> value)
    {
        // A value that fits its old place and is not shared with a canonical line is overwritten there; others move.
        int offset = Append(value);
        ref Entry entry = ref _entries[slot];
        ByteSize += value.Length - entry.ValueLength;
        entry.ValueOffset = offset;
        entry.ValueLength = value.Length;
        entry.Canonical = false;
    }

    /// <summary>For values that may not be kept as spans: a string of the first value, or null.</summary>
    public string? GetText(WellKnownHeader header) =>
        TryGet(header, out ReadOnlySpan<byte> value) ? Encoding.Latin1.GetString(value) : null;

    // For the HTTP/1 parser: takes over a whole head and then declares slices of it.

    /// <summary>How a head of HTTP/1 wants its names spelled when it is written over HTTP/1; null = nobody asked.</summary>
    internal PreservedCase? Case { get; private set; }

    /// <summary>The head as it came, where <see cref="Case"/> is set.</summary>
    internal ReadOnlySpan<byte> KeptHead => Case is null ? default : _keptHead.AsSpan(0, _keptHeadBytes);

    internal void KeepHead(ReadOnlySpan<byte> head, PreservedCase rule)
    {
        if (_keptHead.Length < head.Length || _keptHead.Length > RetainedArenaBytesMax)
        {
            _keptHead = new byte[Math.Max(head.Length, InitialArenaBytes)];
        }

        head.CopyTo(_keptHead);
        _keptHeadBytes = head.Length;
        Case = rule;
    }

    internal int AdoptHead(ReadOnlySpan<byte> head) => Append(head);

    internal Span<byte> HeadBytes(int offset, int length) => _arena.AsSpan(offset, length);

    internal void AddSlice(WellKnownHeader known, int nameOffset, int nameLength, int valueOffset, int valueLength, bool canonical) =>
        AddEntry(known, nameOffset, nameLength, valueOffset, valueLength, canonical);

    /// <summary>
    /// For the HTTP/1 writer: the longest run of live entries from <paramref name="slot"/> that lie in the arena as
    /// <c>name: value CRLF</c> one after the other, so that they are copied at once. Zero when the entry is not of that form.
    /// </summary>
    internal int CanonicalRun(int slot, out ReadOnlySpan<byte> bytes)
    {
        int i = slot;
        int start = _entries[slot].NameOffset;
        int end = start;
        while (i < _count)
        {
            ref Entry entry = ref _entries[i];
            if (!entry.Canonical || entry.IsRemoved || entry.NameOffset != end)
            {
                break;
            }

            end = entry.ValueOffset + entry.ValueLength + 2;
            i++;
        }

        bytes = _arena.AsSpan(start, i == slot ? 0 : end - start);
        return i - slot;
    }

    /// <summary>Makes an entry another well-known header that the map does not have yet (Host becomes :authority).</summary>
    internal void Rename(int slot, WellKnownHeader known)
    {
        Debug.Assert(!Has(known), "The new name must be free.");
        ReadOnlySpan<byte> value = ValueOf(in _entries[slot]);
        int offset = _entries[slot].ValueOffset;
        RemoveAt(slot);
        AddEntry(known, 0, 0, offset, value.Length, canonical: false);
    }

    private ReadOnlySpan<byte> NameOf(in Entry entry) => entry.NameLength > 0
        ? _arena.AsSpan(entry.NameOffset, entry.NameLength)
        : WellKnownHeaders.Name(entry.Known);

    private ReadOnlySpan<byte> ValueOf(in Entry entry) => _arena.AsSpan(entry.ValueOffset, entry.ValueLength);

    private void AddEntry(WellKnownHeader known, int nameOffset, int nameLength, int valueOffset, int valueLength, bool canonical)
    {
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
        }

        ref Entry entry = ref _entries[_count++];
        entry.NameOffset = nameOffset;
        entry.NameLength = nameLength;
        entry.ValueOffset = valueOffset;
        entry.ValueLength = valueLength;
        entry.Known = known;
        entry.Canonical = canonical;
        entry.IsRemoved = false;
        ByteSize += valueLength + (nameLength > 0 ? nameLength : WellKnownHeaders.Name(known).Length);
        if (known == WellKnownHeader.None)
        {
            return;
        }

        if (_first[(int)known] == 0)
        {
            SetFirst(known, _count - 1);
        }
        else
        {
            _repeats = true;
        }
    }

    private bool RemovePresent(WellKnownHeader header)
    {
        int slot = _first[(int)header] - 1;
        RemoveAfter(slot, header);
        MarkRemoved(slot);
        Forget(header);
        return true;
    }

    private void SetFirst(WellKnownHeader header, int slot)
    {
        _first[(int)header] = (short)(slot + 1);
        ulong bit = 1UL << (int)header;
        bool isLow = (int)header < 64;
        _low |= isLow ? bit : 0;
        _high |= isLow ? 0 : bit;
    }

    private void Forget(WellKnownHeader header)
    {
        _first[(int)header] = 0;
        var one = WellKnownHeaderSet.Of(header);
        _low &= ~one.Low;
        _high &= ~one.High;
    }

    private void RemoveAfter(int slot, WellKnownHeader header)
    {
        for (int i = slot + 1; _repeats && i < _count; i++)
        {
            if (_entries[i].Known == header && !_entries[i].IsRemoved)
            {
                MarkRemoved(i);
            }
        }
    }

    private void MarkRemoved(int slot)
    {
        ref Entry entry = ref _entries[slot];
        entry.IsRemoved = true;
        _removed++;
        ByteSize -= NameOf(in entry).Length + entry.ValueLength;
    }

    private int Append(ReadOnlySpan<byte> bytes)
    {
        // The source may be a slice of this arena: growing leaves the old array as it was, so the span stays good.
        int offset = Reserve(bytes.Length);
        bytes.CopyTo(_arena.AsSpan(offset));
        return offset;
    }

    private int Reserve(int length)
    {
        int offset = _used;
        int needed = offset + length;
        if (needed > _arena.Length)
        {
            Array.Resize(ref _arena, Math.Max(needed, _arena.Length * 2));
        }

        _used = needed;
        return offset;
    }

    private struct Entry
    {
        public int NameOffset;
        public int NameLength;
        public int ValueOffset;
        public int ValueLength;
        public WellKnownHeader Known;
        public bool Canonical;
        public bool IsRemoved;
    }
}
