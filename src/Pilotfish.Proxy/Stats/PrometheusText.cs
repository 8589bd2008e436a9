using System.Globalization;
using System.Text;

namespace Pilotfish.Proxy.Stats;

/// <summary>The Prometheus exposition of all statistics, text format 0.0.4, grouped by name as Envoy groups them.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Names below it are a user's own and stand without Envoy's prefix.
    private const string CustomNamespace = "istiocustom.";

    public static void Write(StatsStore store, StatTagRules rules, StatsQuery query, StringBuilder output)
    {
        SortedDictionary<string, List<Sample>> counters = new(StringComparer.Ordinal);
        SortedDictionary<string, List<Sample>> gauges = new(StringComparer.Ordinal);
        SortedDictionary<string, List<Sample>> texts = new(StringComparer.Ordinal);
        SortedDictionary<string, List<Sample>> histograms = new(StringComparer.Ordinal);
        List<StatTag> tags = [];
        foreach ((string name, StatEntry entry) in query.Select(store))
        {
            if (entry.Kind == StatKind.TextReadout && !query.ShowsTextReadouts)
            {
                continue;
            }

            tags.Clear();
            string family = FamilyName(rules.Extract(name, tags));
            SortedDictionary<string, List<Sample>> group = entry.Kind switch
            {
                StatKind.Counter => counters,
                StatKind.Gauge => gauges,
                StatKind.TextReadout => texts,
                _ => histograms,
            };
            if (!group.TryGetValue(family, out List<Sample>? samples))
            {
                samples = [];
                group.Add(family, samples);
            }

            samples.Add(new Sample(Labels(tags), entry));
        }

        WriteValues(store, counters, "counter", output);
        WriteValues(store, gauges, "gauge", output);
        WriteTexts(texts, output);
        WriteHistograms(store, histograms, output);
    }

    private static string FamilyName(string name) =>
        name.StartsWith(CustomNamespace, StringComparison.Ordinal)
            ? Sanitize(name[CustomNamespace.Length..])
            : "envoy_" + Sanitize(name);

    private static string Sanitize(string name) => string.Create(name.Length, name, static (span, source) =>
    {
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterOrDigit(source[i]) ? source[i] : '_';
        }
    });

    private static string Labels(List<StatTag> tags)
    {
        StringBuilder text = new();
        foreach (StatTag tag in tags)
        {
            text.Append(text.Length == 0 ? "" : ",").Append(Sanitize(tag.Name)).Append("=\"");
            foreach (char c in tag.Value)
            {
                _ = c switch
                {
                    '\\' => text.Append("\\\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append("\\n"),
                    _ => text.Append(c),
                };
            }

            text.Append('"');
        }

        return text.ToString();
    }

    private static void WriteValues(
        StatsStore store, SortedDictionary<string, List<Sample>> groups, string type, StringBuilder output)
    {
        foreach ((string name, List<Sample> samples) in groups)
        {
            output.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
            foreach (Sample sample in samples)
            {
                output.Append(name).Append('{').Append(sample.Labels).Append("} ")
                    .Append(store.Value(sample.Entry)).Append('\n');
            }
        }
    }

    private static void WriteTexts(SortedDictionary<string, List<Sample>> groups, StringBuilder output)
    {
        foreach ((string name, List<Sample> samples) in groups)
        {
            output.Append("# TYPE ").Append(name).Append(" gauge\n");
            foreach (Sample sample in samples)
            {
                string label = Labels([new StatTag("text_value", sample.Entry.Text!.Value)]);
                output.Append(name).Append('{').Append(sample.Labels).Append(sample.Labels.Length == 0 ? "" : ",")
                    .Append(label).Append("} 0\n");
            }
        }
    }

    private static void WriteHistograms(StatsStore store, SortedDictionary<string, List<Sample>> groups, StringBuilder output)
    {
        foreach ((string name, List<Sample> samples) in groups)
        {
            output.Append("# TYPE ").Append(name).Append(" histogram\n");
            foreach (Sample sample in samples)
            {
                WriteHistogram(name, sample.Labels, store.Snapshot(sample.Entry), output);
            }
        }
    }

    private static void WriteHistogram(string name, string labels, HistogramSnapshot snapshot, StringBuilder output)
    {
        string prefix = labels.Length == 0 ? "" : labels + ",";
        ReadOnlySpan<double> bounds = snapshot.Buckets.Bounds;
        long below = 0;
        for (int i = 0; i < snapshot.Counts.Length; i++)
        {
            below += snapshot.Counts[i];
            string bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            output.Append(name).Append("_bucket{").Append(prefix).Append("le=\"").Append(bound).Append("\"} ")
                .Append(below).Append('\n');
        }

        output.Append(name).Append("_sum{").Append(labels).Append("} ").Append(snapshot.Sum).Append('\n');
        output.Append(name).Append("_count{").Append(labels).Append("} ").Append(below).Append('\n');
    }

    private readonly record struct Sample(string Labels, StatEntry Entry);
}
