using System.Globalization;
using System.Text;

namespace Pilotfish.Proxy.Stats;

/// <summary>The text form of /stats: text readouts first, then counters and gauges, then histograms, each part by name.</summary>
internal static class StatsText
{
    public static readonly double[] Quantiles = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

    public static void Write(StatsStore store, StatsQuery query, StringBuilder output)
    {
        List<(string Name, StatEntry Entry)> chosen = query.Select(store);
        foreach ((string name, StatEntry entry) in chosen)
        {
            if (entry.Kind == StatKind.TextReadout)
            {
                output.Append(name).Append(": \"").Append(entry.Text!.Value).Append("\"\n");
            }
        }

        foreach ((string name, StatEntry entry) in chosen)
        {
            if (entry.Kind is StatKind.Counter or StatKind.Gauge)
            {
                output.Append(name).Append(": ").Append(store.Value(entry)).Append('\n');
            }
        }

        foreach ((string name, StatEntry entry) in chosen)
        {
            if (entry.Kind == StatKind.Histogram)
            {
                output.Append(name).Append(": ");
                WriteQuantiles(store.Snapshot(entry), output);
                output.Append('\n');
            }
        }
    }

    // The interval and the cumulative value of each quantile; this process keeps no interval of its own.
    private static void WriteQuantiles(HistogramSnapshot snapshot, StringBuilder output)
    {
        if (snapshot.Total == 0)
        {
            output.Append("No recorded values");
            return;
        }

        foreach (double quantile in Quantiles)
        {
            string value = snapshot.Quantile(quantile).ToString("0.######", CultureInfo.InvariantCulture);
            output.Append(quantile == 0 ? "" : " ").Append('P')
                .Append((quantile * 100).ToString("0.#", CultureInfo.InvariantCulture))
                .Append("(nan,").Append(value).Append(')');
        }
    }
}
