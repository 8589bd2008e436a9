using System.Runtime.CompilerServices;

namespace Pilotfish.Proxy.Stats;

/// <summary>
/// The values of one loop: a long per cell, in chunks that appear on first use. Only the owning loop writes.
/// Other loops read without locks: 64-bit reads are atomic and a chunk, once published, never moves, so a sum over loops is at
/// worst a moment old.
/// </summary>
public sealed class StatCells
{
    // 512 cells = 4 KB: a worker that serves few clusters holds few chunks, and the chunk table stays short.
    internal const int ChunkShift = 9;
    internal const int ChunkCells = 1 << ChunkShift;
    private const int ChunkMask = ChunkCells - 1;

    private long[]?[] _chunks = new long[]?[8];

    public void Add(Counter counter) => Cell(counter.Cell)++;

    public void Add(Counter counter, long amount) => Cell(counter.Cell) += amount;

    public void Increment(Gauge gauge) => Cell(gauge.Cell)++;

    public void Decrement(Gauge gauge) => Cell(gauge.Cell)--;

    public void Add(Gauge gauge, long amount) => Cell(gauge.Cell) += amount;

    public void Set(Gauge gauge, long value) => Cell(gauge.Cell) = value;

    public void Record(Histogram histogram, long value)
    {
        if (histogram.Buckets is not { } buckets)
        {
            return;
        }

        Cell(histogram.SumCell) += value;
        Cell(histogram.BucketCell(buckets.IndexOf(value)))++;
    }

    /// <summary>Any thread.</summary>
    internal long Read(int cell)
    {
        long[]?[] chunks = Volatile.Read(ref _chunks);
        int chunk = cell >> ChunkShift;
        return chunk < chunks.Length && Volatile.Read(ref chunks[chunk]) is { } cells
            ? Volatile.Read(ref cells[cell & ChunkMask])
            : 0;
    }

    /// <summary>Owner only: a value that starts over, such as a counter reset.</summary>
    internal void Clear(int cell) => Cell(cell) = 0;

    private ref long Cell(int cell)
    {
        long[]?[] chunks = _chunks;
        int chunk = cell >> ChunkShift;
        if ((uint)chunk < (uint)chunks.Length && chunks[chunk] is { } cells)
        {
            return ref cells[cell & ChunkMask];
        }

        return ref NewCell(cell);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref long NewCell(int cell)
    {
        int chunk = cell >> ChunkShift;
        if (chunk >= _chunks.Length)
        {
            long[]?[] larger = new long[]?[Math.Max(_chunks.Length * 2, chunk + 1)];
            _chunks.CopyTo(larger, 0);
            Volatile.Write(ref _chunks, larger);
        }

        long[] cells = new long[ChunkCells];
        Volatile.Write(ref _chunks[chunk], cells);
        return ref cells[cell & ChunkMask];
    }
}
