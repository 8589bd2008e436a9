using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// What the agent counts of the workload's certificate, under the names of Istio's agent (istio security/pkg/nodeagent/cache/monitoring.go,
/// security/pkg/monitoring). Series begin with their first event, as there.
/// </summary>
internal static class IdentityMetrics
{
    private const string Csr = "{request_type=\"csr\"}";

    /// <param name="output">Takes the text.</param>
    /// <param name="stats">Null where no authority is asked.</param>
    /// <param name="fileFailures">How often files of secrets were not usable.</param>
    /// <param name="now">The wall clock.</param>
    public static void Write(IBufferWriter<byte> output, IdentityStats? stats, long fileFailures, DateTimeOffset now)
    {
        if (fileFailures > 0)
        {
            Series(output, "num_file_secret_failures_total", "counter", "Number of times secret generation failed for files", "", fileFailures);
        }

        if (stats is null || stats.Requests == 0)
        {
            return;
        }

        Series(output, "num_outgoing_requests", "counter", "Number of total outgoing requests (e.g. to a token exchange server, CA, etc.)", Csr, stats.Requests);
        Series(
            output, "outgoing_latency", "counter", "The latency of outgoing requests (e.g. to a token exchange server, CA, etc.) in milliseconds.", Csr,
            stats.LatencyMilliseconds);
        if (stats.Failures > 0)
        {
            Series(
                output, "num_failed_outgoing_requests", "counter", "Number of failed outgoing requests (e.g. to a token exchange server, CA, etc.)", Csr,
                stats.Failures);
        }

        if (stats.Retries > 0)
        {
            Series(
                output, "num_outgoing_retries", "counter", "Number of outgoing retry requests (e.g. to a token exchange server, CA, etc.)", Csr, stats.Retries);
        }

        if (stats.NotAfter is { } end)
        {
            Series(
                output,
                "cert_expiry_seconds",
                "gauge",
                "The time remaining, in seconds, before the certificate chain will expire. A negative value indicates the cert is expired.",
                "{resource_name=\"default\"}",
                (end - now).TotalSeconds);
        }
    }

    private static void Series(IBufferWriter<byte> output, string name, string kind, string help, string labels, double value)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture, $"# HELP istio_agent_{name} {help}\n# TYPE istio_agent_{name} {kind}\nistio_agent_{name}{labels} {value}\n");
        Encoding.UTF8.GetBytes(text, output);
    }
}
