using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Proxy.Stats;

/// <summary>
/// Every statistic of the process by name, and the cells of every loop. Names are created on slow paths only: when config
/// compiles, or the first time that a response code or a cluster is seen. Creation takes a lock, because a worker may be the
/// first to meet a code and posting it to the main loop would lose the count; a name takes it once in the life of the process.
/// </summary>
public sealed class StatsStore
{
    // Cell 0 takes the writes of excluded statistics and is never read.
    private const int FirstCell = 1;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, StatScope> _scopes = [];
    private readonly List<StatCells> _cells = [];
    private readonly Dictionary<int, long> _resetBase = [];
    private int _nextCell = FirstCell;
    private StatsMatcher _matcher = StatsMatcher.All;
    private HistogramBucketRules _bucketRules = HistogramBucketRules.Default;

    public StatsStore()
    {
        Main = CreateCells();
        Root = new StatScope(this, "");
        _scopes.Add("", Root);
    }

    /// <summary>The cells that the main loop writes.</summary>
    public StatCells Main { get; }

    public StatScope Root { get; }

    /// <summary>Cells for one more loop; called once per worker at start-up.</summary>
    public StatCells CreateCells()
    {
        StatCells cells = new();
        lock (_lock)
        {
            _cells.Add(cells);
        }

        return cells;
    }

    /// <summary>The scope of a dotted prefix. Each call is one use, given up by Dispose.</summary>
    public StatScope Scope(string prefix)
    {
        // A ':' inside a name would end a name part in reports, so Envoy replaces it.
        string name = prefix.Replace(':', '_');
        lock (_lock)
        {
            if (_scopes.TryGetValue(name, out StatScope? scope))
            {
                scope.Users++;
                return scope;
            }

            scope = new StatScope(this, name);
            _scopes.Add(name, scope);
            return scope;
        }
    }

    /// <summary>Set once from the bootstrap, before statistics of config are created.</summary>
    internal void Configure(StatsMatcher matcher, HistogramBucketRules buckets)
    {
        _matcher = matcher;
        _bucketRules = buckets;
    }

    /// <summary>Whether a statistic of this name would exist. Any thread.</summary>
    internal bool Includes(string name) => _matcher.Includes(name);

    public long Value(Counter counter) => counter.Cell == 0 ? 0 : CounterValue(counter.Cell);

    public long Value(Gauge gauge) => gauge.Cell == 0 ? 0 : Sum(gauge.Cell);

    internal int Cell(StatScope scope, string leaf, StatKind kind)
    {
        lock (_lock)
        {
            if (scope.EntriesUnsynchronized.TryGetValue(leaf, out StatEntry? known))
            {
                // The same name with another kind is a bug of ours; it must not corrupt the first one's value.
                return known.Kind == kind ? known.Cell : 0;
            }

            if (!_matcher.Includes(scope.NameOf(leaf)))
            {
                return 0;
            }

            int cell = _nextCell++;
            scope.EntriesUnsynchronized.Add(leaf, new StatEntry(scope, leaf, kind, cell));
            return cell;
        }
    }

    internal Histogram Histogram(StatScope scope, string leaf)
    {
        lock (_lock)
        {
            if (scope.EntriesUnsynchronized.TryGetValue(leaf, out StatEntry? known))
            {
                return known.Histogram;
            }

            string name = scope.NameOf(leaf);
            if (!_matcher.Includes(name))
            {
                return default;
            }

            HistogramBuckets buckets = _bucketRules.For(name);
            int cell = _nextCell;
            _nextCell += buckets.Count + 1;
            StatEntry entry = new(scope, leaf, StatKind.Histogram, cell) { Buckets = buckets };
            scope.EntriesUnsynchronized.Add(leaf, entry);
            return entry.Histogram;
        }
    }

    internal void SetComputed(StatScope scope, string leaf, StatKind kind, Func<long>? source)
    {
        lock (_lock)
        {
            if (source is null)
            {
                scope.EntriesUnsynchronized.Remove(leaf);
            }
            else if (scope.EntriesUnsynchronized.ContainsKey(leaf) || _matcher.Includes(scope.NameOf(leaf)))
            {
                scope.EntriesUnsynchronized[leaf] = new StatEntry(scope, leaf, kind, 0) { Source = source };
            }
        }
    }

    internal TextReadout TextReadout(StatScope scope, string leaf)
    {
        lock (_lock)
        {
            if (scope.EntriesUnsynchronized.TryGetValue(leaf, out StatEntry? known) && known.Text is { } text)
            {
                return text;
            }

            text = new TextReadout();
            if (known is null && _matcher.Includes(scope.NameOf(leaf)))
            {
                scope.EntriesUnsynchronized.Add(leaf, new StatEntry(scope, leaf, StatKind.TextReadout, 0) { Text = text });
            }

            return text;
        }
    }

    internal void Release(StatScope scope)
    {
        lock (_lock)
        {
            if (scope != Root && --scope.Users == 0)
            {
                // Cells are not handed out again: a worker may hold the ids for as long as its last request runs. A
                // counter is 8 bytes per loop; a mesh that renames its clusters all day loses less than a megabyte.
                _scopes.Remove(scope.Prefix);
            }
        }
    }

    /// <summary>Every statistic of a moment, unsorted.</summary>
    internal List<StatEntry> Entries()
    {
        lock (_lock)
        {
            List<StatEntry> entries = [];
            foreach (StatScope scope in _scopes.Values)
            {
                entries.AddRange(scope.EntriesUnsynchronized.Values);
            }

            return entries;
        }
    }

    internal bool TryFind(string name, [NotNullWhen(true)] out StatEntry? entry)
    {
        foreach (StatEntry candidate in Entries())
        {
            if (candidate.Name == name)
            {
                entry = candidate;
                return true;
            }
        }

        entry = null;
        return false;
    }

    internal long Value(StatEntry entry) =>
        entry.Source is { } source ? source() : entry.Kind == StatKind.Counter ? CounterValue(entry.Cell) : Sum(entry.Cell);

    internal HistogramSnapshot Snapshot(StatEntry entry)
    {
        Histogram histogram = entry.Histogram;
        HistogramBuckets buckets = entry.Buckets ?? HistogramBuckets.Default;
        long[] counts = new long[buckets.Count];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = Sum(histogram.BucketCell(i));
        }

        return new HistogramSnapshot(buckets, counts, Sum(histogram.SumCell));
    }

    /// <summary>
    /// Makes every counter read zero from now on. Workers own their cells, so the present value is remembered and subtracted.
    /// </summary>
    internal void ResetCounters()
    {
        List<StatEntry> entries = Entries();
        lock (_lock)
        {
            foreach (StatEntry entry in entries)
            {
                if (entry.Kind == StatKind.Counter && entry.Source is null)
                {
                    _resetBase[entry.Cell] = Sum(entry.Cell);
                }
            }
        }
    }

    private long CounterValue(int cell)
    {
        lock (_lock)
        {
            return Sum(cell) - _resetBase.GetValueOrDefault(cell);
        }
    }

    private long Sum(int cell)
    {
        lock (_lock)
        {
            long sum = 0;
            foreach (StatCells cells in _cells)
            {
                sum += cells.Read(cell);
            }

            return sum;
        }
    }
}
