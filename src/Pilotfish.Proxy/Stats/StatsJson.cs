using System.Buffers;
using System.Text.Json;

namespace Pilotfish.Proxy.Stats;

/// <summary>The JSON form of /stats: one object per text readout, counter and gauge, and one that holds all histograms.</summary>
internal static class StatsJson
{
    public static void Write(StatsStore store, StatsQuery query, HistogramIntervals intervals, IBufferWriter<byte> output)
    {
        using Utf8JsonWriter json = new(output);
        json.WriteStartObject();
        json.WriteStartArray("stats");
        List<(string Name, StatEntry Entry)> chosen = query.Select(store);
        foreach ((string name, StatEntry entry) in chosen)
        {
            if (entry.Kind == StatKind.Histogram)
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteString("name", name);
            if (entry.Text is { } text)
            {
                json.WriteString("value", text.Value);
            }
            else
            {
                json.WriteNumber("value", store.Value(entry));
            }

            json.WriteEndObject();
        }

        chosen.RemoveAll(static item => item.Entry.Kind != StatKind.Histogram);
        if (chosen.Count > 0)
        {
            WriteHistograms(store, chosen, query.Histograms, intervals, json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHistograms(
        StatsStore store, List<(string Name, StatEntry Entry)> chosen, HistogramForm form, HistogramIntervals intervals, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WritePropertyName("histograms");
        bool buckets = form is HistogramForm.Cumulative or HistogramForm.Disjoint;
        if (!buckets)
        {
            json.WriteStartObject();
            json.WriteStartArray(form == HistogramForm.Detailed ? "supported_percentiles" : "supported_quantiles");
            foreach (double quantile in StatsText.Quantiles)
            {
                json.WriteNumberValue(quantile * 100);
            }

            json.WriteEndArray();
            json.WritePropertyName(form == HistogramForm.Detailed ? "details" : "computed_quantiles");
        }

        json.WriteStartArray();
        foreach ((string name, StatEntry entry) in chosen)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            WriteHistogram(store.Snapshot(entry), intervals.Of(entry), form, json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (!buckets)
        {
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteHistogram(HistogramSnapshot total, HistogramSnapshot interval, HistogramForm form, Utf8JsonWriter json)
    {
        switch (form)
        {
            case HistogramForm.Cumulative or HistogramForm.Disjoint:
                WriteBuckets(total, interval, form == HistogramForm.Cumulative, json);
                break;
            case HistogramForm.Detailed:
                WriteDetail("totals", total, json);
                WriteDetail("intervals", interval, json);
                WriteQuantiles("percentiles", total, interval, json);
                break;
            default:
                WriteQuantiles("values", total, interval, json);
                break;
        }
    }

    private static void WriteBuckets(HistogramSnapshot total, HistogramSnapshot interval, bool cumulative, Utf8JsonWriter json)
    {
        json.WriteStartArray("buckets");
        (long below, long belowInInterval) = (0, 0);
        ReadOnlySpan<double> bounds = total.Buckets.Bounds;
        for (int i = 0; i < bounds.Length; i++)
        {
            below = total.Counts[i] + (cumulative ? below : 0);
            belowInInterval = interval.Counts[i] + (cumulative ? belowInInterval : 0);
            json.WriteStartObject();
            json.WriteNumber("upper_bound", bounds[i]);
            json.WriteNumber("interval", belowInInterval);
            json.WriteNumber("cumulative", below);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteDetail(string name, HistogramSnapshot snapshot, Utf8JsonWriter json)
    {
        json.WriteStartArray(name);
        foreach ((double lower, double width, long count) in snapshot.Filled())
        {
            json.WriteStartObject();
            json.WriteNumber("lower_bound", lower);
            json.WriteNumber("width", width);
            json.WriteNumber("count", count);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteQuantiles(string name, HistogramSnapshot total, HistogramSnapshot interval, Utf8JsonWriter json)
    {
        json.WriteStartArray(name);
        foreach (double quantile in StatsText.Quantiles)
        {
            json.WriteStartObject();
            WriteQuantile("interval", interval, quantile, json);
            WriteQuantile("cumulative", total, quantile, json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteQuantile(string name, HistogramSnapshot snapshot, double quantile, Utf8JsonWriter json)
    {
        if (snapshot.Total == 0)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteNumber(name, snapshot.Quantile(quantile));
        }
    }
}
