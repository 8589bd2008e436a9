using System.Numerics;

namespace Pilotfish.Runtime.Timers;

/// <summary>
/// A hierarchical wheel with a resolution of one millisecond: six levels of 64 slots, each level 64 times coarser. A timer sits on
/// the level of the highest six-bit digit in which its deadline differs from the wheel's time, and comes down as time approaches.
/// Insert, remove and re-arm are O(1); finding the next deadline reads one bitmap per level. Further than 2^35 ms (a year) is
/// looked at again then; half the wheel, so that no timer ever lands in the slot of the present.
/// </summary>
internal sealed class TimerWheel
{
    private const int LevelCount = 6;
    private const int DigitBits = 6;
    private const int SlotsPerLevel = 1 << DigitBits;
    private const int SlotMask = SlotsPerLevel - 1;
    private const long SpanMilliseconds = 1L << ((LevelCount * DigitBits) - 1);

    private readonly LoopTimer?[] _slots = new LoopTimer?[LevelCount * SlotsPerLevel];
    private readonly ulong[] _occupied = new ulong[LevelCount];

    // Everything due up to and including this time has been handled, but for timers in the slot being emptied.
    private long _elapsed;

    internal TimerWheel(long now) => _elapsed = now;

    internal int Count { get; private set; }

    internal void Schedule(LoopTimer timer, long deadline)
    {
        timer.Deadline = deadline;
        if (timer.Position >= 0)
        {
            if (timer.WheelDeadline <= deadline)
            {
                // Later than before: stay; the wheel moves it when the old deadline comes.
                return;
            }

            Unlink(timer);
        }
        else
        {
            Count++;
        }

        Link(timer);
    }

    internal void Cancel(LoopTimer timer)
    {
        if (timer.Position >= 0)
        {
            Unlink(timer);
            Count--;
        }
    }

    /// <summary>When the wheel next wants to be advanced; never after the earliest deadline.</summary>
    internal bool TryGetNextDeadline(out long deadline)
    {
        for (int level = 0; level < LevelCount; level++)
        {
            if (_occupied[level] != 0)
            {
                deadline = SlotStart(level, NextSlot(level));
                return true;
            }
        }

        deadline = 0;
        return false;
    }

    /// <summary>Fires what is due, at most <paramref name="firesMax"/>; true when nothing due is left.</summary>
    internal bool Advance(long now, int firesMax)
    {
        while (TryGetNextDeadline(out long due) && due <= now)
        {
            _elapsed = Math.Max(_elapsed, due);
            int position = PositionOfNext();
            while (_slots[position] is { } timer)
            {
                if (firesMax == 0)
                {
                    return false;
                }

                Unlink(timer);
                if (timer.Deadline > _elapsed)
                {
                    // On its way down the levels, or moved further away since it was put here.
                    Link(timer);
                    continue;
                }

                Count--;
                firesMax--;
                timer.Fire();
            }
        }

        _elapsed = Math.Max(_elapsed, now);
        return true;
    }

    private int PositionOfNext()
    {
        int level = 0;
        while (_occupied[level] == 0)
        {
            level++;
        }

        return (level * SlotsPerLevel) + NextSlot(level);
    }

    /// <summary>The first occupied slot at or after the wheel's own time on this level.</summary>
    private int NextSlot(int level)
    {
        int now = (int)(_elapsed >> (level * DigitBits)) & SlotMask;
        ulong rotated = BitOperations.RotateRight(_occupied[level], now);
        return (now + BitOperations.TrailingZeroCount(rotated)) & SlotMask;
    }

    private long SlotStart(int level, int slot)
    {
        int shift = level * DigitBits;
        long levelSpan = 1L << (shift + DigitBits);
        long start = (_elapsed & ~(levelSpan - 1)) + ((long)slot << shift);
        // A slot behind the wheel's time belongs to the next revolution, which only the clamped last level has; the current slot
        // is due now.
        return start + (1L << shift) <= _elapsed ? start + levelSpan : start;
    }

    private void Link(LoopTimer timer)
    {
        long deadline = Math.Clamp(timer.Deadline, _elapsed, _elapsed + SpanMilliseconds);
        ulong difference = (ulong)(deadline ^ _elapsed) | SlotMask;
        int level = Math.Min((63 - BitOperations.LeadingZeroCount(difference)) / DigitBits, LevelCount - 1);
        int slot = (int)(deadline >> (level * DigitBits)) & SlotMask;
        int position = (level * SlotsPerLevel) + slot;
        timer.WheelDeadline = deadline;
        timer.Position = position;
        timer.Previous = null;
        timer.Next = _slots[position];
        if (timer.Next is not null)
        {
            timer.Next.Previous = timer;
        }

        _slots[position] = timer;
        _occupied[level] |= 1UL << slot;
    }

    private void Unlink(LoopTimer timer)
    {
        int position = timer.Position;
        if (timer.Previous is null)
        {
            _slots[position] = timer.Next;
            if (timer.Next is null)
            {
                _occupied[position >> DigitBits] &= ~(1UL << (position & SlotMask));
            }
        }
        else
        {
            timer.Previous.Next = timer.Next;
        }

        if (timer.Next is not null)
        {
            timer.Next.Previous = timer.Previous;
        }

        timer.Previous = null;
        timer.Next = null;
        timer.Position = -1;
    }
}
