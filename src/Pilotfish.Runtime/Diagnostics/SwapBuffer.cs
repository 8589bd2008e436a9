namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// Half of a double buffer: many producers append without a lock, one consumer drains it while the other half fills.
/// A producer reserves its range with one atomic add; ranges are disjoint, so copying needs no order among producers. The add that
/// closes the half (by the consumer) fixes its extent: later reservations land beyond the closing mark and fail. The consumer then
/// waits until every range reserved before is marked as copied, which takes as long as a memory copy.
/// </summary>
internal sealed class SwapBuffer(int capacity)
{
    /// <summary>Added to the reservation counter to close the half; far beyond any real extent.</summary>
    private const long ClosedMark = 1L << 40;

    private readonly byte[] _bytes = new byte[capacity];

    // Any thread, atomically.
    private long _reserved = ClosedMark;
    private long _copied;

    // Where the first reservation that did not fit began; nothing after it was granted.
    private long _cut = -1;

    internal long ReservedBytes => Math.Min(Volatile.Read(ref _reserved), capacity);

    /// <summary>Opens an empty half to producers.</summary>
    internal void Open()
    {
        Volatile.Write(ref _copied, 0);
        Volatile.Write(ref _cut, -1);
        Volatile.Write(ref _reserved, 0);
    }

    internal AppendOutcome TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (Volatile.Read(ref _reserved) >= capacity)
        {
            return Volatile.Read(ref _reserved) >= ClosedMark ? AppendOutcome.Closed : AppendOutcome.Full;
        }

        long end = Interlocked.Add(ref _reserved, bytes.Length);
        long start = end - bytes.Length;
        if (end > capacity)
        {
            if (start <= capacity)
            {
                Volatile.Write(ref _cut, start);
            }

            return start >= ClosedMark ? AppendOutcome.Closed : AppendOutcome.Full;
        }

        bytes.CopyTo(_bytes.AsSpan((int)start));
        Interlocked.Add(ref _copied, bytes.Length);
        return AppendOutcome.Appended;
    }

    /// <summary>Closes the half and yields its bytes once all copies have landed. The consumer alone.</summary>
    internal ReadOnlySpan<byte> Close()
    {
        long reserved = Interlocked.Add(ref _reserved, ClosedMark) - ClosedMark;
        var spin = new SpinWait();
        long extent = reserved;
        if (reserved > capacity)
        {
            while ((extent = Volatile.Read(ref _cut)) < 0)
            {
                spin.SpinOnce();
            }
        }

        while (Volatile.Read(ref _copied) != extent)
        {
            spin.SpinOnce();
        }

        return _bytes.AsSpan(0, (int)extent);
    }

    internal enum AppendOutcome : byte
    {
        Appended,
        Full,

        /// <summary>The halves were swapped meanwhile; the other one is open.</summary>
        Closed,
    }
}
