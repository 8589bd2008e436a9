using System.IO.Hashing;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Host names in lower case and what they lead to, as one run of bytes and two arrays of numbers: a mesh pushes half a dozen names for each of
/// thousands of services, and an object for each would weigh more than the names. Filled once, then read by every worker.
/// </summary>
internal sealed class DomainTable
{
    private const int SmallestSlots = 8;

    private byte[] _text = [];
    private int _textLength;
    private Entry[] _entries = [];
    private int _count;

    // Open addressing: an entry's number plus one, 0 = free. A power of two, at most three quarters full.
    private int[] _slots = [];

    public int Count => _count;

    /// <summary>False when the name is there already.</summary>
    public bool TryAdd(ReadOnlySpan<byte> name, int value)
    {
        if ((_count + 1) * 4 > _slots.Length * 3)
        {
            Grow();
        }

        ulong hash = XxHash3.HashToUInt64(name);
        int slot = SlotOf(name, hash);
        if (_slots[slot] != 0)
        {
            return false;
        }

        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(4, _count * 2));
        }

        _entries[_count] = new Entry(Place(name), value, (ushort)name.Length, Tag(hash));
        _slots[slot] = ++_count;
        return true;
    }

    /// <summary>Gives back what growing left over.</summary>
    public void Complete()
    {
        Array.Resize(ref _entries, _count);
        Array.Resize(ref _text, _textLength);
    }

    public bool TryFind(ReadOnlySpan<byte> name, out int value)
    {
        value = 0;
        if (_count == 0)
        {
            return false;
        }

        int found = _slots[SlotOf(name, XxHash3.HashToUInt64(name))];
        if (found == 0)
        {
            return false;
        }

        value = _entries[found - 1].Value;
        return true;
    }

    // Where the name is, or the free slot where it belongs.
    private int SlotOf(ReadOnlySpan<byte> name, ulong hash)
    {
        int mask = _slots.Length - 1;
        ushort tag = Tag(hash);
        for (int slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            int number = _slots[slot];
            if (number == 0)
            {
                return slot;
            }

            ref readonly Entry entry = ref _entries[number - 1];
            if (entry.Tag == tag && entry.Length == name.Length && name.SequenceEqual(_text.AsSpan(entry.Offset, entry.Length)))
            {
                return slot;
            }
        }
    }

    // The names of one service begin alike: one that begins the name before it needs no bytes, and one that continues it only the rest.
    private int Place(ReadOnlySpan<byte> name)
    {
        if (_count > 0)
        {
            Entry before = _entries[_count - 1];
            ReadOnlySpan<byte> tail = _text.AsSpan(before.Offset, _textLength - before.Offset);
            if (tail.StartsWith(name))
            {
                return before.Offset;
            }

            if (name.StartsWith(tail))
            {
                Append(name[tail.Length..]);
                return before.Offset;
            }
        }

        int offset = _textLength;
        Append(name);
        return offset;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_textLength + bytes.Length > _text.Length)
        {
            Array.Resize(ref _text, Math.Max(_textLength + bytes.Length, _text.Length * 2));
        }

        bytes.CopyTo(_text.AsSpan(_textLength));
        _textLength += bytes.Length;
    }

    private void Grow()
    {
        _slots = new int[Math.Max(SmallestSlots, _slots.Length * 2)];
        for (int i = 0; i < _count; i++)
        {
            ReadOnlySpan<byte> name = _text.AsSpan(_entries[i].Offset, _entries[i].Length);
            _slots[SlotOf(name, XxHash3.HashToUInt64(name))] = i + 1;
        }
    }

    private static ushort Tag(ulong hash) => (ushort)(hash >> 48);

    private readonly record struct Entry(int Offset, int Value, ushort Length, ushort Tag);
}
