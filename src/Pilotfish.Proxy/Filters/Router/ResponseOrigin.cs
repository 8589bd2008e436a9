using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Where a response and its request came from, by which a cluster's statistics are divided.</summary>
/// <param name="Host">Who answered or was to answer; null when no host was chosen.</param>
/// <param name="IsInternal">Whether the request says x-envoy-internal: true.</param>
/// <param name="IsCanary">Whether the host or the response says that it is one.</param>
internal readonly record struct ResponseOrigin(Host? Host, bool IsInternal, bool IsCanary)
{
    /// <summary>x-envoy-upstream-alt-stat-name; null for none.</summary>
    public DividedResponses? Alternative { get; init; }

    /// <summary>Of the proxy's own requests, which are internal as Envoy's are.</summary>
    public static ResponseOrigin Own(Host? host, HeaderMap response) => new(host, IsInternal: true, host is { IsCanary: true } || SaysCanary(response));

    public static bool SaysInternal(HeaderMap request) => request[WellKnownHeader.XEnvoyInternal].SequenceEqual("true"u8);

    public static bool SaysCanary(HeaderMap response) => response[WellKnownHeader.XEnvoyUpstreamCanary].SequenceEqual("true"u8);
}
