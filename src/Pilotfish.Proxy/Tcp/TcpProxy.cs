using System.IO.Hashing;
using System.Text;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tcp;

/// <summary>A compiled tcp_proxy: chooses a cluster for each connection and starts a session on it. Immutable.</summary>
internal sealed class TcpProxy : TerminalNetworkFilter
{
    public const long DefaultIdleMilliseconds = 3_600_000;

    /// <summary>The filter state's object that takes the place of idle_timeout for one connection: milliseconds, 0 for none.</summary>
    public const string IdleTimeoutKey = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

    /// <summary>
    /// The filter state's object that names the cluster of one connection. A filter that sets it enables lookups of names
    /// (<see cref="ClusterReferences.EnableLookup"/>) where it is compiled.
    /// </summary>
    public const string ClusterKey = "envoy.tcp_proxy.cluster";

    private readonly TcpRoute[] _routes;
    private readonly ulong _weightTotal;

    public TcpProxy(TcpRoute[] routes)
    {
        _routes = routes;
        foreach (TcpRoute route in routes)
        {
            _weightTotal += route.Weight;
        }
    }

    /// <summary>Where a connection's own cluster is looked up.</summary>
    public ClusterReferences Clusters { get; init; } = new();

    /// <summary>metadata_match, which also counts for a connection's own cluster.</summary>
    public SubsetMatch? Metadata { get; init; }

    /// <summary>on_demand; null where a cluster that does not exist ends the connection at once.</summary>
    public TcpOnDemand? OnDemand { get; init; }

    public required TcpProxyStats Stats { get; init; }

    public required AccessLogSet AccessLogs { get; init; }

    /// <summary>0 never times out.</summary>
    public long IdleMilliseconds { get; init; } = DefaultIdleMilliseconds;

    /// <summary>0 for no limit.</summary>
    public long DurationMaxMilliseconds { get; init; }

    /// <summary>max_downstream_connection_duration_jitter_percentage: how much longer, at most, a connection may last.</summary>
    public double DurationJitterPercent { get; init; }

    /// <summary>backoff_options.base_interval: the first wait between attempts to connect; 0 for none.</summary>
    public long BackOffBaseMilliseconds { get; init; }

    /// <summary>backoff_options.max_interval.</summary>
    public long BackOffMaxMilliseconds { get; init; }

    public uint ConnectAttemptsMax { get; init; } = 1;

    public bool HashesSourceIp { get; init; }

    /// <summary>access_log_options.flush_access_log_on_start: a record before anything else.</summary>
    public bool LogsOnStart { get; init; }

    /// <summary>access_log_options.flush_access_log_on_connected: a record once the upstream is connected.</summary>
    public bool LogsOnConnected { get; init; }

    /// <summary>How often a living connection is logged; 0 for never.</summary>
    public long LogMilliseconds { get; init; }

    /// <summary>tunneling_config; null connects to endpoints as they are.</summary>
    public TunnelModel? Tunnel { get; init; }

    /// <summary>upstream_connect_mode ON_DOWNSTREAM_DATA: the upstream is connected once the client has sent something.</summary>
    public bool AwaitsClient { get; init; }

    /// <summary>max_early_data_bytes: how much of what a client sends before its upstream is connected is read; null reads nothing.</summary>
    public int? EarlyBytesMax { get; init; }

    /// <summary>proxy_protocol_tlvs: for PROXY headers to upstreams, where the client sent no header of its own.</summary>
    public TlvTemplate[] Tlvs { get; init; } = [];

    public override void Start(DownstreamConnection connection) => new TcpSession(this, connection).Run();

    /// <summary>How long a new connection may last: the configured time and a random part of its jitter.</summary>
    public long Duration(double random) => DurationMaxMilliseconds + (long)(DurationMaxMilliseconds * (DurationJitterPercent / 100) * random);

    /// <summary>Null when the connection has a cluster of its own that does not exist.</summary>
    /// <param name="own">The name of that cluster; null for the configured ones.</param>
    /// <param name="random">For weights.</param>
    public TcpRoute? Choose(string? own, WorkerRandom random)
    {
        if (own is not null)
        {
            return Clusters.Find(Encoding.UTF8.GetBytes(own)) is { } named ? new TcpRoute(named, 1, Metadata) : null;
        }

        if (_routes.Length == 1)
        {
            return _routes[0];
        }

        ulong point = random.NextUInt64() % _weightTotal;
        foreach (TcpRoute route in _routes)
        {
            if (point < route.Weight)
            {
                return route;
            }

            point -= route.Weight;
        }

        return _routes[^1];
    }

    public ulong? Hash(NetAddress source)
    {
        if (!HashesSourceIp || !source.IsIp)
        {
            return null;
        }

        // The hash of the address' text without port is what Envoy uses, so both choose the same host.
        Span<byte> text = stackalloc byte[NetAddress.FormattedIpBytesMax];
        return source.TryFormatIp(text, out int length) ? XxHash64.HashToUInt64(text[..length]) : null;
    }
}
