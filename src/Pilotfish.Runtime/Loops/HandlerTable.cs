namespace Pilotfish.Runtime.Loops;

/// <summary>
/// Registered descriptors by key. A key is slot + generation: when a descriptor is closed and its number or slot is reused within
/// one batch, the events of the old one carry the old generation and find nobody.
/// </summary>
internal sealed class HandlerTable
{
    private const int InitialSlots = 64;

    private IReadinessHandler?[] _handlers = new IReadinessHandler?[InitialSlots];
    private uint[] _generations = new uint[InitialSlots];
    private int[] _free = new int[InitialSlots];
    private int _freeCount;
    private int _used;

    internal int Count => _used - _freeCount;

    internal ulong Add(IReadinessHandler handler)
    {
        int slot = _freeCount > 0 ? _free[--_freeCount] : NewSlot();
        _handlers[slot] = handler;
        return ((ulong)_generations[slot] << 32) | (uint)slot;
    }

    internal void Remove(ulong key)
    {
        int slot = (int)(uint)key;
        if (_generations[slot] != (uint)(key >> 32))
        {
            throw new InvalidOperationException("A descriptor was unregistered twice.");
        }

        _handlers[slot] = null;
        // 31 bits of generation keep every key apart from the wake-up key, which is all ones.
        _generations[slot] = (_generations[slot] + 1) & int.MaxValue;
        _free[_freeCount++] = slot;
    }

    internal IReadinessHandler? Find(ulong key)
    {
        int slot = (int)(uint)key;
        return (uint)slot < (uint)_used && _generations[slot] == (uint)(key >> 32) ? _handlers[slot] : null;
    }

    private int NewSlot()
    {
        if (_used == _handlers.Length)
        {
            int size = _used * 2;
            Array.Resize(ref _handlers, size);
            Array.Resize(ref _generations, size);
            Array.Resize(ref _free, size);
        }

        return _used++;
    }
}
