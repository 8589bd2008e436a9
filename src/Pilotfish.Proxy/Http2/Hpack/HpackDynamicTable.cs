using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>
/// The fields that one direction of a connection remembers (RFC 7541 sections 2.3.2 and 4). Their bytes lie in one arena, oldest first, so
/// that evicting is moving an index; the arena is pushed together when its end is reached. Starts with nothing and grows by use.
/// </summary>
internal sealed class HpackDynamicTable
{
    /// <summary>What an entry counts beyond its bytes (RFC 7541 section 4.1).</summary>
    public const int EntryOverhead = 32;

    private Entry[] _entries = [];
    private byte[] _arena = [];
    private int _oldest;
    private int _used;

    public HpackDynamicTable(int capacity) => Capacity = capacity;

    public int Count { get; private set; }

    /// <summary>Bytes as RFC 7541 counts them.</summary>
    public int Size { get; private set; }

    public int Capacity { get; private set; }

    /// <summary>How many entries were ever added; the newest has this number.</summary>
    public long Inserted { get; private set; }

    /// <summary>Evicts what does not fit any more.</summary>
    public void Resize(int capacity)
    {
        Capacity = capacity;
        EvictTo(capacity);
    }

    /// <summary>By position: 0 is the newest.</summary>
    public WellKnownHeader At(int position, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        ref Entry entry = ref _entries[(_oldest + Count - 1 - position) & (_entries.Length - 1)];
        name = _arena.AsSpan(entry.Offset, entry.NameLength);
        value = _arena.AsSpan(entry.Offset + entry.NameLength, entry.ValueLength);
        return entry.Known;
    }

    /// <summary>Adds a field; one that is larger than the table empties it. The spans may lie in this table.</summary>
    public void Insert(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        int bytes = name.Length + value.Length;
        if (bytes + EntryOverhead > Capacity)
        {
            EvictTo(0);
            return;
        }

        // Room is made before anything is evicted: the name may be that of an entry which has to go (section 4.4).
        EnsureArena(bytes, ref name, ref value);
        int offset = _used;
        name.CopyTo(_arena.AsSpan(offset));
        value.CopyTo(_arena.AsSpan(offset + name.Length));
        int nameLength = name.Length;
        int valueLength = value.Length;
        EvictTo(Capacity - bytes - EntryOverhead);
        _used = offset + bytes;
        if (Count == _entries.Length)
        {
            GrowEntries();
        }

        _entries[(_oldest + Count) & (_entries.Length - 1)] = new Entry
        {
            Offset = offset,
            NameLength = nameLength,
            ValueLength = valueLength,
            Known = known,
        };
        Count++;
        Inserted++;
        Size += bytes + EntryOverhead;
    }

    private void EvictTo(int size)
    {
        while (Size > size)
        {
            ref Entry entry = ref _entries[_oldest];
            Size -= entry.NameLength + entry.ValueLength + EntryOverhead;
            _oldest = (_oldest + 1) & (_entries.Length - 1);
            Count--;
        }

        if (Count == 0)
        {
            _used = 0;
        }
    }

    private void EnsureArena(int bytes, ref ReadOnlySpan<byte> name, ref ReadOnlySpan<byte> value)
    {
        if (_used + bytes <= _arena.Length)
        {
            return;
        }

        // Into a new array or to the front of a second one: the spans given may point into the old.
        int start = Count > 0 ? _entries[_oldest].Offset : _used;
        int live = _used - start;
        byte[] old = _arena;
        if (_arena.Length >= 2 * Capacity && live + bytes <= _arena.Length && !Overlaps(name) && !Overlaps(value))
        {
            Buffer.BlockCopy(old, start, old, 0, live);
        }
        else
        {
            _arena = new byte[Math.Max(live + bytes, Math.Min(Math.Max(512, old.Length * 2), Math.Max(2 * Capacity, 512)))];
            Buffer.BlockCopy(old, start, _arena, 0, live);
        }

        for (int i = 0; i < Count; i++)
        {
            _entries[(_oldest + i) & (_entries.Length - 1)].Offset -= start;
        }

        _used = live;
    }

    private bool Overlaps(ReadOnlySpan<byte> bytes) => !bytes.IsEmpty && _arena.AsSpan().Overlaps(bytes);

    private void GrowEntries()
    {
        var larger = new Entry[Math.Max(16, _entries.Length * 2)];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = _entries[(_oldest + i) & (_entries.Length - 1)];
        }

        _entries = larger;
        _oldest = 0;
    }

    private struct Entry
    {
        public int Offset;
        public int NameLength;
        public int ValueLength;
        public WellKnownHeader Known;
    }
}
