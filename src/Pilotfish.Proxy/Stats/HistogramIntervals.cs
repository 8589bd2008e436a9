using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Stats;

/// <summary>
/// What histograms recorded during the last whole interval, for reports that show it beside the total. Intervals are kept only
/// while somebody looks: the first report starts them and shows none, and a minute without a report ends them. Main loop.
/// </summary>
internal sealed class HistogramIntervals
{
    /// <summary>Envoy's stats_flush_interval.</summary>
    internal const long IntervalMilliseconds = 5000;

    // One minute: dashboards that poll every 15 or 30 seconds keep their intervals.
    private const int UnaskedIntervalsMax = 12;

    private readonly StatsStore _store;
    private readonly LoopTimer _timer;
    private readonly Dictionary<int, (long[] Before, long[] Last, long SumBefore, long SumLast)> _kept = [];
    private int _unasked;

    public HistogramIntervals(StatsStore store, EventLoop loop)
    {
        _store = store;
        _timer = new LoopTimer(loop, static state => ((HistogramIntervals)state!).OnInterval(), this);
    }

    /// <summary>Somebody looks: intervals are kept from now on.</summary>
    public void Asked()
    {
        _unasked = 0;
        if (!_timer.IsScheduled)
        {
            Take(first: true);
            _timer.Schedule(IntervalMilliseconds);
        }
    }

    /// <summary>The last interval's records; nothing when none has passed yet.</summary>
    public HistogramSnapshot Of(StatEntry entry)
    {
        HistogramBuckets buckets = entry.Buckets ?? HistogramBuckets.Default;
        long[] counts = new long[buckets.Count];
        if (!_kept.TryGetValue(entry.Cell, out var kept))
        {
            return new HistogramSnapshot(buckets, counts, 0);
        }

        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = kept.Last[i] - kept.Before[i];
        }

        return new HistogramSnapshot(buckets, counts, kept.SumLast - kept.SumBefore);
    }

    private void OnInterval()
    {
        if (++_unasked > UnaskedIntervalsMax)
        {
            _kept.Clear();
            return;
        }

        Take(first: false);
        _timer.Schedule(IntervalMilliseconds);
    }

    private void Take(bool first)
    {
        foreach (StatEntry entry in _store.Entries())
        {
            if (entry.Kind != StatKind.Histogram)
            {
                continue;
            }

            HistogramSnapshot now = _store.Snapshot(entry);
            long[] counts = now.Counts.ToArray();
            bool known = _kept.TryGetValue(entry.Cell, out var kept);

            // A histogram that appeared during the interval recorded all it has in it.
            long[] before = known ? kept.Last : first ? counts : new long[counts.Length];
            long sumBefore = known ? kept.SumLast : first ? now.Sum : 0;
            _kept[entry.Cell] = (before, counts, sumBefore, now.Sum);
        }
    }
}
