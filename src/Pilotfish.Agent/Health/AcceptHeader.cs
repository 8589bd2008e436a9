using System.Globalization;

namespace Pilotfish.Agent.Health;

/// <summary>
/// What the application may answer a scrape with. Its metrics are appended to ours, so only the text formats are let
/// through: protobuf after text would be unreadable.
/// </summary>
internal static class AcceptHeader
{
    private const string Text = "text/plain;version=0.0.4";
    private const string OpenMetrics = "application/openmetrics-text";
    private static readonly string[] s_allowed = ["text/*", "text/plain", OpenMetrics];

    public static string ForApplication(string accepted)
    {
        var kept = new List<string>();
        foreach (string entry in accepted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = entry.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            string? format = parts is [] ? null : parts[0] switch
            {
                "*/*" or "*" => Text,
                "application/*" => OpenMetrics + ";version=0.0.1",
                _ when s_allowed.Contains(parts[0]) =>
                    string.Join(';', parts.Where(p => !p.StartsWith("q=", StringComparison.Ordinal))),
                _ => null,
            };
            if (format is not null && !kept.Contains(format))
            {
                kept.Add(format);
            }
        }

        // The order of the client is its wish; qualities restate it, since the client's own were for a longer list.
        return kept.Count == 0
            ? Text
            : string.Join(',', kept.Select((f, i) => string.Create(CultureInfo.InvariantCulture, $"{f};q=0.{Math.Max(1, kept.Count - i)}")));
    }
}
