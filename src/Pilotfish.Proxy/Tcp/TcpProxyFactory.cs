using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tunnels;
using ProtoTcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Tcp;

internal sealed class TcpProxyFactory : ITerminalNetworkFilterFactory
{
    // Envoy's cap for strategies without one of their own.
    private const int BackOffGrowth = 10;

    // Envoy's rule on max_early_data_bytes.
    private const uint EarlyBytesLimit = 1024 * 1024;

    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"];

    public TerminalNetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        ProtoTcpProxy message = config.Parse(ProtoTcpProxy.Parser);
        string field = config.Field;
        UnheededFields.Check(UnheededFields.OfTcpProxy, message, field, $"listener '{context.ListenerName}'", context.Config.Warnings);
        bool hasOptions = message.AccessLogOptions is not null;
        AccessLogIntervals.RejectBoth(hasOptions, message.FlushAccessLogOnConnected, field + ".flush_access_log_on_connected");
        AccessLogIntervals.RejectBoth(hasOptions, message.AccessLogFlushInterval is not null, field + ".access_log_flush_interval");
        StatScope scope = context.Config.Stats.Scope("tcp." + message.StatPrefix);
        context.Owned.Add(scope);
        return new TcpProxy(Routes(message, field, context))
        {
            Clusters = context.Config.Clusters,
            Metadata = SubsetMatch.Create(Match(message.MetadataMatch)),
            Stats = new TcpProxyStats(scope),
            OnDemand = OnDemand(message.OnDemand, $"{field}.on_demand", scope, context.Config),
            AccessLogs = context.Config.AccessLogs?.Compile(
                message.AccessLog, field + ".access_log", context.Config) ?? AccessLogSet.Empty,
            IdleMilliseconds = ProtoValues.Milliseconds(message.IdleTimeout, TcpProxy.DefaultIdleMilliseconds),
            DurationMaxMilliseconds = ProtoValues.Milliseconds(message.MaxDownstreamConnectionDuration, 0),
            DurationJitterPercent = message.MaxDownstreamConnectionDurationJitterPercentage?.Value ?? 0,
            BackOffBaseMilliseconds = ProtoValues.Milliseconds(message.BackoffOptions?.BaseInterval, 0),
            BackOffMaxMilliseconds = BackOffMax(message.BackoffOptions, field + ".backoff_options"),
            ConnectAttemptsMax = Math.Max(1, message.MaxConnectAttempts ?? 1),
            HashesSourceIp = HashesSourceIp(message),
            LogsOnStart = message.AccessLogOptions?.FlushAccessLogOnStart ?? false,
            LogsOnConnected = message.AccessLogOptions?.FlushAccessLogOnConnected ?? message.FlushAccessLogOnConnected,
            Tunnel = message.TunnelingConfig is { } tunnel ? TunnelCompiler.Compile(tunnel, field + ".tunneling_config") : null,
            AwaitsClient = message.UpstreamConnectMode == UpstreamConnectMode.OnDownstreamData,
            EarlyBytesMax = EarlyBytesMax(message, field),
            Tlvs = TlvTemplate.Compile(message.ProxyProtocolTlvs, field + ".proxy_protocol_tlvs"),
            LogMilliseconds = message.AccessLogOptions is { } options
                ? AccessLogIntervals.Milliseconds(options.AccessLogFlushInterval, field + ".access_log_options.access_log_flush_interval")
                : AccessLogIntervals.Milliseconds(message.AccessLogFlushInterval, field + ".access_log_flush_interval"),
        };
    }

    // Without a source it is off, as in Envoy.
    private static TcpOnDemand? OnDemand(ProtoTcpProxy.Types.OnDemand? message, string field, StatScope scope, CompileContext context)
    {
        if (message is null || (message.OdcdsConfig is null && message.ResourcesLocator.Length == 0))
        {
            return null;
        }

        return new TcpOnDemand(
            context.OnDemandClusters.Compile(
                message.OdcdsConfig, message.ResourcesLocator, message.Timeout, field, "odcds_config", TcpOnDemand.DefaultTimeoutMilliseconds, isCounted: false),
            scope);
    }

    // TLS is established before the filter starts, so ON_DOWNSTREAM_TLS_HANDSHAKE asks for nothing that IMMEDIATE does not do.
    private static int? EarlyBytesMax(ProtoTcpProxy message, string field)
    {
        if ((uint)message.UpstreamConnectMode > (uint)UpstreamConnectMode.OnDownstreamTlsHandshake)
        {
            throw new ConfigRejectedException(field + ".upstream_connect_mode", $"{(int)message.UpstreamConnectMode} is no mode");
        }

        if (message.UpstreamConnectMode != UpstreamConnectMode.Immediate && message.MaxEarlyDataBytes is null)
        {
            throw new ConfigRejectedException(field + ".max_early_data_bytes", "it must be set where upstream_connect_mode is not IMMEDIATE");
        }

        return message.MaxEarlyDataBytes is > EarlyBytesLimit
            ? throw new ConfigRejectedException(field + ".max_early_data_bytes", $"{message.MaxEarlyDataBytes} is above {EarlyBytesLimit}")
            : (int?)message.MaxEarlyDataBytes;
    }

    private static long BackOffMax(Envoy.Config.Core.V3.BackoffStrategy? options, string field)
    {
        if (options is null)
        {
            return 0;
        }

        long least = ProtoValues.Milliseconds(options.BaseInterval, 0);
        if (least < 1)
        {
            throw new ConfigRejectedException(field + ".base_interval", "it must be at least 1 ms");
        }

        long most = ProtoValues.Milliseconds(options.MaxInterval, least * BackOffGrowth);
        return most >= least ? most : throw new ConfigRejectedException(field + ".max_interval", "it is shorter than base_interval");
    }

    private static TcpRoute[] Routes(ProtoTcpProxy message, string field, NetworkFilterContext context)
    {
        ClusterReferences clusters = context.Config.Clusters;
        var common = Match(message.MetadataMatch);
        switch (message.ClusterSpecifierCase)
        {
            case ProtoTcpProxy.ClusterSpecifierOneofCase.Cluster:
                return [new TcpRoute(clusters.Reference(message.Cluster), 1, SubsetMatch.Create(common))];
            case ProtoTcpProxy.ClusterSpecifierOneofCase.WeightedClusters:
                var routes = new List<TcpRoute>();
                foreach (ProtoTcpProxy.Types.WeightedCluster.Types.ClusterWeight weight in message.WeightedClusters.Clusters)
                {
                    // The cluster's own fields win over the proxy's.
                    var merged = new Dictionary<string, string>(common);
                    foreach ((string key, string value) in Match(weight.MetadataMatch))
                    {
                        merged[key] = value;
                    }

                    routes.Add(new TcpRoute(clusters.Reference(weight.Name), weight.Weight, SubsetMatch.Create(merged)));
                }

                return routes.Count > 0 && routes.Exists(route => route.Weight > 0)
                    ? [.. routes]
                    : throw new ConfigRejectedException(field + ".weighted_clusters", "at least one cluster with a weight above 0 is needed");
            default:
                throw new ConfigRejectedException(field, "neither cluster nor weighted_clusters is set");
        }
    }

    private static Dictionary<string, string> Match(Envoy.Config.Core.V3.Metadata? metadata)
    {
        var pairs = new Dictionary<string, string>();
        if (metadata is not null && metadata.FilterMetadata.TryGetValue(EndpointMetadata.SubsetNamespace, out Struct? fields))
        {
            foreach ((string key, Value value) in fields.Fields)
            {
                pairs[key] = MetadataText.Of(value);
            }
        }

        return pairs;
    }

    private static bool HashesSourceIp(ProtoTcpProxy message)
    {
        foreach (HashPolicy policy in message.HashPolicy)
        {
            if (policy.PolicySpecifierCase == HashPolicy.PolicySpecifierOneofCase.SourceIp)
            {
                return true;
            }
        }

        return false;
    }
}
