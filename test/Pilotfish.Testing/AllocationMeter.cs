namespace Pilotfish.Testing;

/// <summary>
/// Bytes that this thread allocates for work that is done again and again. A round of work is measured several times and the least counts:
/// what each piece of work allocates is in every round, while what the runtime takes on this thread for itself comes once (types and
/// strings of code that is compiled anew while it runs, the table of casts, which all tests of the process share). Rounds must be alike.
/// </summary>
public sealed class AllocationMeter
{
    // The runtime replaces a loop's code twice, early in its life; a table of it that fills up is grown once.
    private const int RoundsMax = 6;

    private bool _isMarked;
    private long _mark;
    private long _round;
    private int _rounds;

    /// <summary>Of the best round so far.</summary>
    public long Least { get; private set; } = long.MaxValue;

    /// <summary>Whether another round could still change the answer.</summary>
    public bool WantsMore => Least > 0 && _rounds < RoundsMax;

    /// <summary>Measures work that takes no turn of a loop; the first time, which warms up, does not count.</summary>
    public static long Of(Action work)
    {
        work();
        var meter = new AllocationMeter();
        meter.Mark();
        while (meter.WantsMore)
        {
            work();
            meter.Mark();
        }

        return meter.Least;
    }

    /// <summary>Ends the round that the mark before began, and begins the next one.</summary>
    public void Mark()
    {
        if (_isMarked)
        {
            Pause();
            EndRound();
        }

        _isMarked = true;
        Resume();
    }

    /// <summary>For rounds with pauses: from here on bytes count.</summary>
    public void Resume() => _mark = GC.GetAllocatedBytesForCurrentThread();

    /// <summary>From here on they do not.</summary>
    public void Pause() => _round += GC.GetAllocatedBytesForCurrentThread() - _mark;

    public void EndRound()
    {
        Least = Math.Min(Least, _round);
        _round = 0;
        _rounds++;
    }
}
