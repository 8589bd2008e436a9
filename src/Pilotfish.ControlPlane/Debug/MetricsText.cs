using System.Globalization;
using System.Text;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Debug;

/// <summary>The server's counters as Prometheus text, under the names that istiod's dashboards use.</summary>
internal static class MetricsText
{
    public static string Print(DiscoveryServer server)
    {
        var text = new StringBuilder();
        Gauge(text, "pilot_xds", $"version=\"{XdsIdentity.Version}\"", server.Sessions.Count());
        Gauge(text, "pilot_services", "", server.Current?.Services.All.Count ?? 0);
        Gauge(text, "pilot_virt_services", "", server.Current?.VirtualServices.All.Count ?? 0);
        Counters(text, "pilot_xds_pushes", server.Statistics.Pushes);
        Counters(text, "pilot_total_xds_rejects", server.Statistics.Rejections);
        return text.ToString();
    }

    private static void Gauge(StringBuilder text, string name, string labels, long value)
    {
        text.Append("# TYPE ").Append(name).Append(" gauge\n").Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static void Counters(StringBuilder text, string name, IEnumerable<KeyValuePair<string, long>> values)
    {
        text.Append("# TYPE ").Append(name).Append(" counter\n");
        foreach (var (typeUrl, value) in values)
        {
            text.Append(name).Append("{type=\"").Append(XdsTypes.ShortName(typeUrl).ToLowerInvariant()).Append("\"} ")
                .Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
