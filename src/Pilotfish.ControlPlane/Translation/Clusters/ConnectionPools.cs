using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Registry;
using HttpSettings = Istio.Networking.V1Alpha3.ConnectionPoolSettings.Types.HTTPSettings;
using Keepalive = Istio.Networking.V1Alpha3.ConnectionPoolSettings.Types.TCPSettings.Types.TcpKeepalive;
using Percent = Envoy.Type.V3.Percent;
using RetryBudget = Istio.Networking.V1Alpha3.TrafficPolicy.Types.RetryBudget;
using Thresholds = Envoy.Config.Cluster.V3.CircuitBreakers.Types.Thresholds;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>Connection pool settings: circuit breakers, timeouts, keepalive, HTTP/2 upgrade.</summary>
internal static class ConnectionPools
{
    // Breakers are open wide unless somebody sets them: the proxy's own defaults (1024) would surprise.
    private const uint Unlimited = uint.MaxValue;
    private const double DefaultRetryBudgetPercent = 20.0;
    private const uint DefaultRetryConcurrency = 3;

    // Data planes refuse a keepalive without one; gRPC's default (GRPC_ARG_KEEPALIVE_TIMEOUT_MS).
    private const long DefaultKeepaliveTimeoutSeconds = 20;

    public static void Apply(MeshConfig mesh, ClusterDraft draft, ConnectionPoolSettings? settings, RetryBudget? budget)
    {
        var thresholds = new Thresholds
        {
            MaxConnections = Limit(settings?.Tcp?.MaxConnections ?? 0),
            MaxPendingRequests = Limit(settings?.Http?.Http1MaxPendingRequests ?? 0),
            MaxRequests = Limit(settings?.Http?.Http2MaxRequests ?? 0),
            MaxRetries = Limit(settings?.Http?.MaxRetries ?? 0),
        };
        if (budget is not null)
        {
            thresholds.RetryBudget = new Thresholds.Types.RetryBudget
            {
                BudgetPercent = new Percent { Value = budget.Percent ?? DefaultRetryBudgetPercent },
                MinRetryConcurrency = budget.MinRetryConcurrency > 0 ? budget.MinRetryConcurrency : DefaultRetryConcurrency,
            };
        }

        var cluster = draft.Cluster;
        cluster.CircuitBreakers = new CircuitBreakers { Thresholds = { thresholds } };
        cluster.ConnectTimeout = settings?.Tcp?.ConnectTimeout ?? mesh.ConnectTimeout;
        ApplyKeepalive(cluster, mesh.TcpKeepalive);
        ApplyKeepalive(cluster, settings?.Tcp?.TcpKeepalive);
        if (settings is not null)
        {
            ApplyHttp(draft, settings);
        }
    }

    /// <summary>Speaks HTTP/2 to HTTP/1 ports where the rule or the mesh asks for it.</summary>
    public static void ApplyHttp2Upgrade(MeshConfig mesh, ClusterDraft draft, PortProtocol protocol, ConnectionPoolSettings? settings)
    {
        if (settings?.Http is { } http)
        {
            if (http.UseClientProtocol || http.H2UpgradePolicy == HttpSettings.Types.H2UpgradePolicy.DoNotUpgrade)
            {
                return;
            }

            if (http.H2UpgradePolicy == HttpSettings.Types.H2UpgradePolicy.Upgrade)
            {
                draft.UseHttp2();
                return;
            }
        }

        if (protocol.IsHttp() && mesh.H2UpgradePolicy == MeshConfig.Types.H2UpgradePolicy.Upgrade)
        {
            draft.UseHttp2();
        }
    }

    private static uint Limit(int given) => given > 0 ? (uint)given : Unlimited;

    private static void ApplyHttp(ClusterDraft draft, ConnectionPoolSettings settings)
    {
        var http = settings.Http;
        var idle = http?.IdleTimeout ?? settings.Tcp?.IdleTimeout;
        var maxDuration = settings.Tcp?.MaxConnectionDuration;
        var maxRequests = http?.MaxRequestsPerConnection ?? 0;
        var maxStreams = http?.MaxConcurrentStreams ?? 0;
        var keepalive = http?.Http2KeepAlive;
        if (idle is not null || maxDuration is not null || maxRequests > 0 || maxStreams > 0 || keepalive is not null)
        {
            var options = draft.OptionsOrNew();
            var common = options.CommonHttpProtocolOptions ??= new HttpProtocolOptions();
            common.IdleTimeout = idle ?? common.IdleTimeout;
            common.MaxConnectionDuration = maxDuration ?? common.MaxConnectionDuration;
            common.MaxRequestsPerConnection = maxRequests > 0 ? (uint)maxRequests : common.MaxRequestsPerConnection;
            if (options.ExplicitHttpConfig?.Http2ProtocolOptions is { } http2)
            {
                http2.MaxConcurrentStreams = maxStreams > 0 ? (uint)maxStreams : http2.MaxConcurrentStreams;
                http2.ConnectionKeepalive = keepalive is null
                    ? http2.ConnectionKeepalive
                    : new KeepaliveSettings
                    {
                        Interval = keepalive.Interval,
                        Timeout = keepalive.Timeout ?? new Duration { Seconds = DefaultKeepaliveTimeoutSeconds },
                    };
            }
        }

        if (http?.UseClientProtocol == true)
        {
            draft.UseDownstreamProtocol();
        }
    }

    private static void ApplyKeepalive(Cluster cluster, Keepalive? given)
    {
        if (given is null)
        {
            return;
        }

        cluster.UpstreamConnectionOptions ??= new UpstreamConnectionOptions { TcpKeepalive = new TcpKeepalive() };
        var keepalive = cluster.UpstreamConnectionOptions.TcpKeepalive;
        keepalive.KeepaliveProbes = given.Probes > 0 ? given.Probes : keepalive.KeepaliveProbes;
        keepalive.KeepaliveTime = Seconds(given.Time) ?? keepalive.KeepaliveTime;
        keepalive.KeepaliveInterval = Seconds(given.Interval) ?? keepalive.KeepaliveInterval;
    }

    private static uint? Seconds(Duration? duration) => duration is null ? null : (uint)duration.Seconds;
}
