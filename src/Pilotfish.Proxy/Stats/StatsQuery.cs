using Pilotfish.Language.Re2;

namespace Pilotfish.Proxy.Stats;

/// <summary>Which statistics a report shows.</summary>
internal sealed record StatsQuery
{
    /// <summary>Only statistics that were ever counted, set or recorded.</summary>
    public bool UsedOnly { get; init; }

    /// <summary>Part of a name; null shows all.</summary>
    public Re2Regex? Filter { get; init; }

    /// <summary>Null shows every kind.</summary>
    public StatKind? Kind { get; init; }

    /// <summary>Text readouts in Prometheus reports, as gauges of value 0.</summary>
    public bool ShowsTextReadouts { get; init; }

    /// <summary>How histograms are shown.</summary>
    public HistogramForm Histograms { get; init; }

    /// <summary>What passes, sorted by name.</summary>
    public List<(string Name, StatEntry Entry)> Select(StatsStore store)
    {
        List<(string Name, StatEntry Entry)> chosen = [];
        foreach (StatEntry entry in store.Entries())
        {
            if ((Kind is { } kind && entry.Kind != kind) || (UsedOnly && !IsUsed(store, entry)))
            {
                continue;
            }

            string name = entry.Name;
            if (Filter is null || Filter.IsPartialMatch(name))
            {
                chosen.Add((name, entry));
            }
        }

        chosen.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return chosen;
    }

    private static bool IsUsed(StatsStore store, StatEntry entry) => entry.Kind switch
    {
        StatKind.Histogram => store.Snapshot(entry).Total > 0,
        StatKind.TextReadout => entry.Text!.Value.Length > 0,
        // A gauge that was set to zero looks like one never set, and agents ask for server.state, whose best value is zero.
        StatKind.Gauge => true,
        _ => store.Value(entry) != 0,
    };
}
