using Envoy.Config.Core.V3;
using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Reads whom to ask for names: typed_dns_resolver_config, then the older fields, then the bootstrap's. Main loop.</summary>
internal static class DnsResolverCompiler
{
    private const string CaresName = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
    private const string SystemName = "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig";
    private const ushort DnsPort = 53;

    // libc's cap for options timeout; a cluster that waits longer for one server is better served by the next.
    private const ulong TimeoutSecondsMax = 30;
    private const uint AttemptsMax = 10;

    public static DnsResolverOptions Compile(ProtoCluster cluster, DnsResolverOptions fallback)
    {
        if (cluster.TypedDnsResolverConfig is { } typed)
        {
            return Compile(typed, "typed_dns_resolver_config");
        }

        if (cluster.DnsResolutionConfig is { } older)
        {
            return Options(older.Resolvers, older.DnsResolverOptions, "dns_resolution_config.resolvers");
        }

        if (cluster.DnsResolvers.Count > 0 || cluster.UseTcpForDnsLookups)
        {
            return Options(cluster.DnsResolvers, null, "dns_resolvers") with { UsesTcp = cluster.UseTcpForDnsLookups };
        }

        return fallback;
    }

    public static DnsResolverOptions Compile(TypedExtensionConfig extension, string field)
    {
        ExtensionConfig config = ExtensionRegistry.Unwrap(extension.TypedConfig ?? new(), field);
        switch (config.MessageName)
        {
            case SystemName:
                return new DnsResolverOptions { UsesSystem = true };
            case CaresName:
                CaresDnsResolverConfig cares = config.Parse(CaresDnsResolverConfig.Parser);
                return Options(cares.Resolvers, cares.DnsResolverOptions, field + ".resolvers") with
                {
                    ServersAreFallback = cares.UseResolversAsFallback,
                    TimeoutSeconds = (int)Math.Min(cares.QueryTimeoutSeconds ?? 0, TimeoutSecondsMax),
                    Attempts = (int)Math.Min(cares.QueryTries ?? 0, AttemptsMax),
                };
            default:
                throw new ConfigRejectedException(
                    field, $"extension '{extension.Name}' has type '{config.MessageName}', which Pilotfish does not have in this place");
        }
    }

    private static DnsResolverOptions Options(
        Google.Protobuf.Collections.RepeatedField<Address> resolvers, Envoy.Config.Core.V3.DnsResolverOptions? options, string field)
    {
        var servers = new List<NetAddress>(resolvers.Count);
        for (int i = 0; i < resolvers.Count; i++)
        {
            NetAddress server = ProtoValues.Address(resolvers[i], $"{field}[{i}]");
            servers.Add(server.Port == 0 ? server.WithPort(DnsPort) : server);
        }

        return new DnsResolverOptions
        {
            Servers = servers,
            UsesTcp = options?.UseTcpForDnsLookups ?? false,
            SkipsSearchDomains = options?.NoDefaultSearchDomain ?? false,
        };
    }
}
