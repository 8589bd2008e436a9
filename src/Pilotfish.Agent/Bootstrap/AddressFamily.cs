using Envoy.Config.Cluster.V3;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>Which loopback and wildcard addresses the proxy uses, from the families of the pod's addresses.</summary>
internal sealed record AddressFamily(
    string Localhost, string Wildcard, string? AdditionalLocalhost, string? AdditionalWildcard, Cluster.Types.DnsLookupFamily Dns)
{
    public static AddressFamily Of(IReadOnlyList<string> ips, bool dualStack)
    {
        bool hasV6 = ips.Any(IsV6);
        bool hasV4 = ips.Any(ip => !IsV6(ip));
        if (hasV6 && !hasV4)
        {
            return new AddressFamily("::1", "::", null, null, Cluster.Types.DnsLookupFamily.V6Only);
        }

        if (!hasV6 || !dualStack)
        {
            return new AddressFamily("127.0.0.1", "0.0.0.0", null, null, Cluster.Types.DnsLookupFamily.V4Only);
        }

        return IsV6(ips[0])
            ? new AddressFamily("::1", "::", "127.0.0.1", "0.0.0.0", Cluster.Types.DnsLookupFamily.All)
            : new AddressFamily("127.0.0.1", "0.0.0.0", "::1", "::", Cluster.Types.DnsLookupFamily.All);
    }

    private static bool IsV6(string ip) => ip.Contains(':');
}
