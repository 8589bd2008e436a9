using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Socket set-up of upstream connections: source address per family (127.0.0.6, ::6 inbound) and keepalive.</summary>
internal static class UpstreamSockets
{
    public static (SocketStreamOptions V4, SocketStreamOptions V6) Compile(ProtoCluster cluster)
    {
        KeepAliveOptions? keepAlive = ProtoValues.KeepAlive(cluster.UpstreamConnectionOptions?.TcpKeepalive);
        if (keepAlive is null && cluster.UpstreamBindConfig is null)
        {
            return (SocketStreamOptions.Default, SocketStreamOptions.Default);
        }

        BindConfig bind = cluster.UpstreamBindConfig ?? new BindConfig();
        var options = new SocketStreamOptions { KeepAlive = keepAlive, FreeBind = bind.Freebind ?? false };
        SocketStreamOptions v4 = options;
        SocketStreamOptions v6 = options;
        foreach (NetAddress source in Sources(bind))
        {
            if (source.Kind == AddressFamilyKind.IPv4 && v4.Source.IsNone)
            {
                v4 = v4 with { Source = source };
            }
            else if (source.Kind == AddressFamilyKind.IPv6 && v6.Source.IsNone)
            {
                v6 = v6 with { Source = source };
            }
        }

        return (v4, v6);
    }

    private static List<NetAddress> Sources(BindConfig bind)
    {
        var sources = new List<NetAddress>();
        if (bind.SourceAddress is not null)
        {
            sources.Add(ProtoValues.SocketAddress(bind.SourceAddress, "upstream_bind_config.source_address"));
        }

        for (int i = 0; i < bind.ExtraSourceAddresses.Count; i++)
        {
            string field = $"upstream_bind_config.extra_source_addresses[{i}].address";
            sources.Add(ProtoValues.SocketAddress(bind.ExtraSourceAddresses[i].Address ?? new(), field));
        }

        for (int i = 0; i < bind.AdditionalSourceAddresses.Count; i++)
        {
            string field = $"upstream_bind_config.additional_source_addresses[{i}]";
            sources.Add(ProtoValues.SocketAddress(bind.AdditionalSourceAddresses[i], field));
        }

        return sources;
    }
}
