using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Network;

/// <summary>
/// Longest-prefix match: one hash table per family and prefix length in use, tried from the longest. Lookups depend on the
/// number of distinct lengths (a handful), not on the number of prefixes.
/// </summary>
internal sealed class PrefixTable<T>
    where T : class
{
    private readonly List<Level> _levels = [];

    /// <summary>What matches every address, and connections without an IP address.</summary>
    public T? Any { get; set; }

    public bool TryGetExact(CidrRange range, out T? value)
    {
        value = null;
        return Find(range.Kind, range.Length) is { } level && level.Entries.TryGetValue(range.Bits, out value);
    }

    public void Add(CidrRange range, T value)
    {
        Level? level = Find(range.Kind, range.Length);
        if (level is null)
        {
            level = new Level(range.Kind, range.Length);
            _levels.Add(level);
            _levels.Sort((a, b) => b.Length.CompareTo(a.Length));
        }

        level.Entries.Add(range.Bits, value);
    }

    public T? Find(NetAddress address)
    {
        if (_levels.Count > 0)
        {
            NetAddress plain = address.Unmap();
            int width = CidrRange.Width(plain.Kind);
            foreach (Level level in _levels)
            {
                if (level.Kind == plain.Kind && level.Entries.TryGetValue(CidrRange.Mask(plain.IpBits, width, level.Length), out T? value))
                {
                    return value;
                }
            }
        }

        return Any;
    }

    /// <summary>As <see cref="Find(NetAddress)"/>, but one prefix after the other; <paramref name="level"/> begins with 0. Null at the end.</summary>
    public T? FindNext(NetAddress address, ref int level)
    {
        NetAddress plain = address.Unmap();
        int width = CidrRange.Width(plain.Kind);
        while (level < _levels.Count)
        {
            Level next = _levels[level++];
            if (next.Kind == plain.Kind && next.Entries.TryGetValue(CidrRange.Mask(plain.IpBits, width, next.Length), out T? value))
            {
                return value;
            }
        }

        return null;
    }

    private Level? Find(AddressFamilyKind kind, int length) =>
        _levels.Find(level => level.Kind == kind && level.Length == length);

    private sealed class Level(AddressFamilyKind kind, int length)
    {
        public AddressFamilyKind Kind { get; } = kind;

        public int Length { get; } = length;

        public Dictionary<UInt128, T> Entries { get; } = [];
    }
}
