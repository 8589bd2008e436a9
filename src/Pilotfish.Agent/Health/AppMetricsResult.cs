namespace Pilotfish.Agent.Health;

/// <summary>The format that all answers share, and the answers.</summary>
internal sealed record AppMetricsResult(string ContentType, IReadOnlyList<byte[]> Bodies)
{
    public bool IsOpenMetrics => ContentType.StartsWith("application/openmetrics-text", StringComparison.Ordinal);
}
