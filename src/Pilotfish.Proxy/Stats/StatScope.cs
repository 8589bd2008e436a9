namespace Pilotfish.Proxy.Stats;

/// <summary>
/// A name prefix under which statistics are created. Asking twice for the same name gives the same statistic. A scope that its
/// owner disposes disappears from every report; its cells are given to later statistics once no loop can still write them.
/// </summary>
public sealed class StatScope : IDisposable
{
    private readonly Dictionary<string, StatEntry> _entries = [];

    internal StatScope(StatsStore store, string prefix)
    {
        Store = store;
        Prefix = prefix;
    }

    public StatsStore Store { get; }

    /// <summary>The prefix without trailing dot; empty for the root.</summary>
    public string Prefix { get; }

    internal int Users { get; set; } = 1;

    public StatScope Scope(string name) => Store.Scope(NameOf(name));

    public Counter Counter(string name) => new(Store.Cell(this, name, StatKind.Counter));

    public Gauge Gauge(string name) => new(Store.Cell(this, name, StatKind.Gauge));

    /// <summary>
    /// A gauge whose value is worked out when it is read, on any thread; it takes no cell and no part in <see cref="Gauge"/>'s values. The
    /// source given last counts; null takes the gauge away.
    /// </summary>
    internal void SetComputedGauge(string name, Func<long>? source) => Store.SetComputed(this, name, StatKind.Gauge, source);

    /// <summary>The same of a counter; a reset of counters does not touch it.</summary>
    internal void SetComputedCounter(string name, Func<long>? source) => Store.SetComputed(this, name, StatKind.Counter, source);

    public Histogram Histogram(string name) => Store.Histogram(this, name);

    public TextReadout TextReadout(string name) => Store.TextReadout(this, name);

    /// <summary>Gives up one use of the scope, counted by <see cref="StatsStore.Scope"/>.</summary>
    public void Dispose() => Store.Release(this);

    // Guarded by the store's lock.
    internal Dictionary<string, StatEntry> EntriesUnsynchronized => _entries;

    internal string NameOf(string leaf) => Prefix.Length == 0 ? leaf : string.Concat(Prefix, ".", leaf);
}
