using System.Globalization;
using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Health;

/// <summary>The head of a check over HTTP/2.</summary>
internal static class HealthRequest
{
    /// <summary>Writes method, path, authority and what the policy adds.</summary>
    public static void Write(HeaderMap headers, Http2Probe probe, bool isSecure)
    {
        HealthCheckPolicy policy = probe.Policy;
        headers.Set(WellKnownHeader.Method, Encoding.ASCII.GetBytes(policy.Method));
        headers.Set(WellKnownHeader.Path, Encoding.ASCII.GetBytes(policy.Path));
        headers.Set(WellKnownHeader.Authority, Encoding.ASCII.GetBytes(Authority(policy, probe.Host, probe.Cluster.State.Name)));
        headers.Set(WellKnownHeader.Scheme, isSecure ? "https"u8 : "http"u8);
        headers.Set(WellKnownHeader.UserAgent, "Envoy/HC"u8);
        if (!policy.Sent.IsEmpty)
        {
            headers.Set(WellKnownHeader.ContentLength, Encoding.ASCII.GetBytes(policy.Sent.Length.ToString(CultureInfo.InvariantCulture)));
        }

        Mutate(headers, probe);
    }

    /// <summary>The endpoint's own hostname goes before the policy's, and that before the cluster's name.</summary>
    public static string Authority(HealthCheckPolicy policy, Host host, string cluster) =>
        host.Config.HealthCheckHostname.Length > 0 ? host.Config.HealthCheckHostname
        : policy.Host.Length > 0 ? policy.Host
        : cluster;

    /// <summary>Applies request_headers_to_add and _to_remove, or initial_metadata.</summary>
    public static void Mutate(HeaderMap headers, HealthProbe probe)
    {
        if (probe.Policy.Headers is { } mutations)
        {
            var info = new StreamInfo();
            info.Start(new ConnectionInfo(), probe.Cluster.Worker.Loop.WallNow, probe.Cluster.Worker.Loop.NowNanoseconds);
            mutations.Apply(headers, info, new FormatOutput());
        }
    }
}
