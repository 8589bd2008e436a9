namespace Pilotfish.Proxy.Clusters;

/// <summary>Which records a DNS cluster asks for. Auto is Envoy's: IPv6, and IPv4 when there is none.</summary>
public enum DnsLookupFamily
{
    Auto,
    V4Only,
    V6Only,
    V4Preferred,
    All,
}
