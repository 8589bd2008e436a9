using System.Diagnostics;

namespace Pilotfish.Runtime.Buffers;

/// <summary>A pinned array on loan from a loop's pool. One owner; returned exactly once, on the same loop.</summary>
public sealed class PooledBuffer : IDisposable
{
    private readonly BufferPool _pool;
    private bool _rented;

    internal PooledBuffer(BufferPool pool, int bytes, int sizeClass)
    {
        _pool = pool;
        SizeClass = sizeClass;
        Array = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
    }

    public byte[] Array { get; }

    public int Length => Array.Length;

    public Memory<byte> Memory => Array;

    public Span<byte> Span => Array;

    internal int SizeClass { get; }

    /// <summary>Gives the buffer back; whoever still holds its memory must not touch it.</summary>
    public void Return()
    {
        Debug.Assert(_rented, "A pooled buffer was returned twice.");
        if (_rented)
        {
            _rented = false;
            _pool.Return(this);
        }
    }

    public void Dispose() => Return();

    internal void MarkRented() => _rented = true;
}
