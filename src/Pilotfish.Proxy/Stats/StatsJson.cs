using System.Buffers;
using System.Text.Json;

namespace Pilotfish.Proxy.Stats;

/// <summary>The JSON form of /stats.</summary>
internal static class StatsJson
{
    public static void Write(StatsStore store, StatsQuery query, IBufferWriter<byte> output)
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

        WriteHistograms(store, chosen, json);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHistograms(StatsStore store, List<(string Name, StatEntry Entry)> chosen, Utf8JsonWriter json)
    {
        if (!chosen.Exists(static item => item.Entry.Kind == StatKind.Histogram))
        {
            return;
        }

        json.WriteStartObject();
        json.WriteStartObject("histograms");
        json.WriteStartArray("supported_quantiles");
        foreach (double quantile in StatsText.Quantiles)
        {
            json.WriteNumberValue(quantile * 100);
        }

        json.WriteEndArray();
        json.WriteStartArray("computed_quantiles");
        foreach ((string name, StatEntry entry) in chosen)
        {
            if (entry.Kind == StatKind.Histogram)
            {
                WriteHistogram(name, store.Snapshot(entry), json);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteHistogram(string name, HistogramSnapshot snapshot, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartArray("values");
        foreach (double quantile in StatsText.Quantiles)
        {
            json.WriteStartObject();
            json.WriteNull("interval");
            if (snapshot.Total == 0)
            {
                json.WriteNull("cumulative");
            }
            else
            {
                json.WriteNumber("cumulative", snapshot.Quantile(quantile));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
