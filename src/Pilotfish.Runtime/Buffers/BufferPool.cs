namespace Pilotfish.Runtime.Buffers;

/// <summary>
/// A loop's buffers in four sizes. Renting never fails; what is kept for reuse is bounded per size, so that a burst's memory goes
/// back to the collector. Loop-affine, hence without atomics.
/// </summary>
public sealed class BufferPool
{
    public const int SmallBytes = 4 * 1024;
    public const int MediumBytes = 16 * 1024;
    public const int LargeBytes = 64 * 1024;
    public const int HugeBytes = 256 * 1024;

    /// <summary>Free buffers kept per size: about 1 MiB each, the working set of a few dozen busy connections.</summary>
    private static readonly int[] s_keepMax = [128, 64, 16, 4];

    private static readonly int[] s_sizes = [SmallBytes, MediumBytes, LargeBytes, HugeBytes];

    private readonly Stack<PooledBuffer>[] _free = [new(), new(), new(), new()];

    /// <summary>Buffers on loan; 0 once every connection of a loop is gone. Tests assert it.</summary>
    public int RentedCount { get; private set; }

    /// <summary>What these buffers have in bytes, used or not.</summary>
    public long RentedBytes { get; private set; }

    /// <summary>A buffer of at least this size, its content undefined. Beyond the largest class it is made to measure and not kept.</summary>
    public PooledBuffer Rent(int bytesMin)
    {
        RentedCount++;
        for (int i = 0; i < s_sizes.Length; i++)
        {
            if (bytesMin <= s_sizes[i])
            {
                PooledBuffer buffer = _free[i].Count > 0 ? _free[i].Pop() : new PooledBuffer(this, s_sizes[i], i);
                buffer.MarkRented();
                RentedBytes += s_sizes[i];
                return buffer;
            }
        }

        var large = new PooledBuffer(this, bytesMin, s_sizes.Length);
        large.MarkRented();
        RentedBytes += bytesMin;
        return large;
    }

    /// <summary>
    /// What a buffer that is full should grow to, at least: twice its size, and beyond the largest class a quarter more, so that what waits
    /// for a slow peer costs little more than its bytes. Either way a byte is copied a bounded number of times, 5 at most.
    /// </summary>
    public static int Larger(int bytes) => bytes < HugeBytes ? bytes * 2 : bytes + (bytes / 4);

    /// <summary>Lets go of every free buffer, for a quiet process that gives memory back.</summary>
    public void Trim()
    {
        foreach (Stack<PooledBuffer> free in _free)
        {
            free.Clear();
            free.TrimExcess();
        }
    }

    internal void Return(PooledBuffer buffer)
    {
        RentedCount--;
        RentedBytes -= buffer.Length;
        int sizeClass = buffer.SizeClass;
        if (sizeClass < s_sizes.Length && _free[sizeClass].Count < s_keepMax[sizeClass])
        {
            _free[sizeClass].Push(buffer);
        }
    }
}
