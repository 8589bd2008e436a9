using System.Globalization;
using System.Text;

namespace Pilotfish.Proxy.Stats;

/// <summary>The text form of /stats: text readouts first, then counters and gauges, then histograms, each part by name.</summary>
internal static class StatsText
{
    public static readonly double[] Quantiles = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

    public static void Write(StatsStore store, StatsQuery query, HistogramIntervals intervals, StringBuilder output)
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
                output.Append(name).Append(':');
                WriteHistogram(store.Snapshot(entry), intervals.Of(entry), query.Histograms, output);
                output.Append('\n');
            }
        }
    }

    private static void WriteHistogram(HistogramSnapshot total, HistogramSnapshot interval, HistogramForm form, StringBuilder output)
    {
        if (total.Total == 0)
        {
            output.Append(" No recorded values");
            return;
        }

        switch (form)
        {
            case HistogramForm.Cumulative or HistogramForm.Disjoint:
                WriteBuckets(total, interval, form == HistogramForm.Cumulative, output);
                break;
            case HistogramForm.Detailed:
                output.Append("\n  totals=");
                WriteDetail(total, output);
                output.Append("\n  intervals=");
                WriteDetail(interval, output);
                output.Append("\n  summary=");
                WriteQuantiles(total, interval, output);
                break;
            default:
                output.Append(' ');
                WriteQuantiles(total, interval, output);
                break;
        }
    }

    // Of each quantile the interval's and the cumulative value.
    private static void WriteQuantiles(HistogramSnapshot total, HistogramSnapshot interval, StringBuilder output)
    {
        foreach (double quantile in Quantiles)
        {
            output.Append(quantile == 0 ? "" : " ").Append('P').Append(Number(quantile * 100)).Append('(')
                .Append(interval.Total == 0 ? "nan" : Number(interval.Quantile(quantile))).Append(',')
                .Append(Number(total.Quantile(quantile))).Append(')');
        }
    }

    private static void WriteBuckets(HistogramSnapshot total, HistogramSnapshot interval, bool cumulative, StringBuilder output)
    {
        (long below, long belowInInterval) = (0, 0);
        ReadOnlySpan<double> bounds = total.Buckets.Bounds;
        for (int i = 0; i < bounds.Length; i++)
        {
            below = total.Counts[i] + (cumulative ? below : 0);
            belowInInterval = interval.Counts[i] + (cumulative ? belowInInterval : 0);
            output.Append(" B").Append(Number(bounds[i])).Append('(').Append(belowInInterval).Append(',').Append(below).Append(')');
        }
    }

    private static void WriteDetail(HistogramSnapshot snapshot, StringBuilder output)
    {
        string separator = "";
        foreach ((double lower, double width, long count) in snapshot.Filled())
        {
            output.Append(separator).Append(Number(lower)).Append(',').Append(Number(width)).Append(':').Append(count);
            separator = ", ";
        }
    }

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
