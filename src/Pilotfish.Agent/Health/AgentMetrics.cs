using System.Buffers;
using System.Globalization;
using System.Text;
using Pilotfish.Agent.Dns;

namespace Pilotfish.Agent.Health;

/// <summary>The agent's own metrics, under the names that Istio's agent gives them.</summary>
internal static class AgentMetrics
{
    private const string Failures = "istio_agent_scrape_failures_total";

    public static void Write(IBufferWriter<byte> output, long scrapes, long appScrapeFailures, DnsProxy? dns)
    {
        Counter(output, "istio_agent_scrapes_total", "The total number of scrapes.", scrapes);
        if (appScrapeFailures > 0)
        {
            Head(output, Failures, "The total number of failed scrapes.");
            Text(output, string.Create(CultureInfo.InvariantCulture, $"{Failures}{{type=\"application\"}} {appScrapeFailures}\n"));
        }

        if (dns is not null)
        {
            Counter(output, "istio_agent_dns_requests_total", "Total number of DNS requests.", dns.RequestCount);
            Counter(
                output,
                "istio_agent_dns_upstream_requests_total",
                "Total number of DNS requests forwarded to upstream.",
                dns.UpstreamRequestCount);
            Counter(
                output, "istio_agent_dns_upstream_failures_total", "Total number of DNS failures from upstream.", dns.FailureCount);
        }
    }

    private static void Counter(IBufferWriter<byte> output, string name, string help, long value)
    {
        Head(output, name, help);
        Text(output, string.Create(CultureInfo.InvariantCulture, $"{name} {value}\n"));
    }

    private static void Head(IBufferWriter<byte> output, string name, string help) =>
        Text(output, $"# HELP {name} {help}\n# TYPE {name} counter\n");

    private static void Text(IBufferWriter<byte> output, string text) => Encoding.UTF8.GetBytes(text, output);
}
