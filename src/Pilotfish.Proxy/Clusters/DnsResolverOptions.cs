using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Whom a cluster's names are asked of, and how; what is not set comes from resolv.conf.</summary>
public sealed record DnsResolverOptions
{
    public static readonly DnsResolverOptions Default = new();

    /// <summary>Servers of the configuration; empty means those of resolv.conf.</summary>
    public IReadOnlyList<NetAddress> Servers { get; init; } = [];

    /// <summary>use_resolvers_as_fallback: <see cref="Servers"/> are asked only where resolv.conf names none.</summary>
    public bool ServersAreFallback { get; init; }

    public bool UsesTcp { get; init; }

    /// <summary>no_default_search_domain: names are taken as they stand.</summary>
    public bool SkipsSearchDomains { get; init; }

    /// <summary>0 means resolv.conf's.</summary>
    public int TimeoutSeconds { get; init; }

    /// <summary>Rounds over all servers; 0 means resolv.conf's.</summary>
    public int Attempts { get; init; }

    /// <summary>The getaddrinfo resolver: the operating system's own, which tells no time to live.</summary>
    public bool UsesSystem { get; init; }
}
