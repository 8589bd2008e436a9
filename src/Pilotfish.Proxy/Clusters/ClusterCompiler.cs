using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Runtime.Sockets;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Turns a Cluster message into a <see cref="ClusterModel"/>, or rejects it by the field at fault. Main loop.</summary>
internal static class ClusterCompiler
{
    public static ClusterModel Compile(ProtoCluster cluster, ulong configHash, CompileContext context)
    {
        var transports = new UpstreamTransportContext(context);
        try
        {
            return Compile(cluster, configHash, context, transports);
        }
        catch
        {
            // What a rejected cluster subscribed to must not outlive it.
            transports.Dispose();
            throw;
        }
    }

    private static ClusterModel Compile(
        ProtoCluster cluster, ulong configHash, CompileContext context, UpstreamTransportContext transports)
    {
        UnheededFields.Check(UnheededFields.OfCluster, cluster, "", $"cluster '{cluster.Name}'", context.Warnings);
        CheckParts(cluster, context.Warnings);
        string name = context.Clusters.Intern(cluster.Name);
        (string? altStatName, string statSuffix) = StatName(name, cluster.AltStatName);
        if (cluster.Type == ProtoCluster.Types.DiscoveryType.OriginalDst && cluster.LoadAssignment is not null)
        {
            throw new ConfigRejectedException("load_assignment", "an ORIGINAL_DST cluster has no hosts of its own");
        }

        return new ClusterModel
        {
            Name = name,
            AltStatName = altStatName,
            StatSuffix = statSuffix,
            ConfigHash = configHash,
            Settings = context.ClusterSettings.Get(cluster, message => Settings(message, context)),
            Transport = Transports(cluster, transports),
            Overload = context.Overload,
            EdsServiceName = cluster.EdsClusterConfig is { ServiceName.Length: > 0 } eds && eds.ServiceName != name ? eds.ServiceName : name,
            MetadataMessage = cluster.Metadata is { FilterMetadata.Count: > 0 } metadata ? metadata.ToByteArray() : default,
            Filters = Filters(cluster, context, transports),
            TransportContext = transports.Owned.Count == 0 ? null : transports,
        };
    }

    private static (ClusterSettings Settings, bool MayShare) Settings(ProtoCluster cluster, CompileContext context)
    {
        (SocketStreamOptions v4, SocketStreamOptions v6) = UpstreamSockets.Compile(cluster);
        DiscoveryKind discovery = Discovery(cluster);
        int remarks = context.Warnings.Calls;
        UpstreamHttpOptions http = UpstreamHttpOptions.Compile(cluster, context);
        var settings = new ClusterSettings
        {
            Discovery = discovery,
            LoadBalancing = LoadBalancingCompiler.Compile(cluster, context.Runtime, context.LocalCluster),
            CircuitBreakers = Breakers(cluster.CircuitBreakers),
            ConnectTimeoutMilliseconds = (int)Math.Min(
                int.MaxValue, ProtoValues.Milliseconds(cluster.ConnectTimeout, ClusterModel.DefaultConnectTimeoutMilliseconds)),
            BufferLimitBytes = cluster.PerConnectionBufferLimitBytes ?? ClusterModel.DefaultBufferLimitBytes,
            SocketsV4 = v4,
            SocketsV6 = v6,
            Outlier = OutlierPolicyCompiler.Compile(cluster.OutlierDetection),
            HealthCheck = HealthCheckCompiler.Compile(cluster.HealthChecks, http, context),
            IgnoresNewHostsUntilFirstCheck = cluster.CommonLbConfig?.IgnoreNewHostsUntilFirstHc ?? false,
            IgnoresHealthOnHostRemoval = cluster.IgnoreHealthOnHostRemoval,
            OriginalDestination = discovery == DiscoveryKind.OriginalDestination ? OriginalDestination(cluster) : null,
            Dns = discovery is DiscoveryKind.StrictDns or DiscoveryKind.LogicalDns ? Dns(cluster, context.DnsResolver) : null,
            EdsSource = cluster.EdsClusterConfig?.EdsConfig,
            CloseConnectionsOnHostSetChange = cluster.CommonLbConfig?.CloseConnectionsOnHostSetChange ?? false,
            WaitsForWarm = cluster.WaitForWarmOnInit ?? true,
            TracksTimeoutBudgets = cluster.TrackClusterStats is { } tracked ? tracked.TimeoutBudgets : cluster.TrackTimeoutBudgets,
            AddressOrder = AddressOrder.Compile(cluster.UpstreamConnectionOptions?.HappyEyeballsConfig),
            TracksEndpoints = cluster.TrackClusterStats?.PerEndpointStats ?? false,
            TracksSizes = cluster.TrackClusterStats?.RequestResponseSizes ?? false,
            CloseConnectionsOnHostHealthFailure = cluster.CloseConnectionsOnHostHealthFailure,
            RequestsPerConnectionMax = cluster.MaxRequestsPerConnection ?? 0,
            ConnectionPoolPerDownstreamConnection = cluster.ConnectionPoolPerDownstreamConnection,
            Preconnect = PreconnectPolicy.Compile(cluster.PreconnectPolicy),
            UpstreamPool = UpstreamPoolKinds.Compile(cluster.UpstreamConfig),
            Http = http,
        };

        // A remark names its cluster, and a health checker may have parts of its own.
        return (settings, context.Warnings.Calls == remarks && settings.HealthCheck is null);
    }

    private static void CheckParts(ProtoCluster cluster, ConfigProblems warnings)
    {
        string resource = $"cluster '{cluster.Name}'";
        UnheededFields.Check(UnheededFields.OfCommonLb, cluster.CommonLbConfig, "common_lb_config", resource, warnings);
        UnheededFields.Check(UnheededFields.OfSubsets, cluster.LbSubsetConfig, "lb_subset_config", resource, warnings);
        UnheededFields.Check(UnheededFields.OfUpstreamConnection, cluster.UpstreamConnectionOptions, "upstream_connection_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfBind, cluster.UpstreamBindConfig, "upstream_bind_config", resource, warnings);
        for (int i = 0; i < (cluster.UpstreamBindConfig?.ExtraSourceAddresses.Count ?? 0); i++)
        {
            UnheededFields.Check(
                UnheededFields.OfExtraSource, cluster.UpstreamBindConfig!.ExtraSourceAddresses[i], $"upstream_bind_config.extra_source_addresses[{i}]",
                resource, warnings);
        }

        UnheededFields.Check(UnheededFields.OfOutlier, cluster.OutlierDetection, "outlier_detection", resource, warnings);
        for (int i = 0; i < (cluster.LbSubsetConfig?.SubsetSelectors.Count ?? 0); i++)
        {
            UnheededFields.Check(
                UnheededFields.OfSubsetSelector, cluster.LbSubsetConfig!.SubsetSelectors[i], $"lb_subset_config.subset_selectors[{i}]", resource, warnings);
        }

        for (int i = 0; i < cluster.HealthChecks.Count; i++)
        {
            UnheededFields.Check(UnheededFields.OfHealthCheck, cluster.HealthChecks[i], $"health_checks[{i}]", resource, warnings);
        }
    }

    private static (string? Whole, string Suffix) StatName(string name, string altStatName)
    {
        if (altStatName.Length == 0 || altStatName == name)
        {
            return (null, "");
        }

        return altStatName.StartsWith(name, StringComparison.Ordinal)
            ? (null, altStatName.Length == name.Length + 1 && altStatName[^1] == ';' ? ";" : altStatName[name.Length..])
            : (altStatName, "");
    }

    private static DiscoveryKind Discovery(ProtoCluster cluster)
    {
        if (cluster.ClusterDiscoveryTypeCase == ProtoCluster.ClusterDiscoveryTypeOneofCase.ClusterType)
        {
            throw new ConfigRejectedException(
                "cluster_type", $"cluster type '{cluster.ClusterType.Name}' is not one that Pilotfish has");
        }

        return cluster.Type switch
        {
            ProtoCluster.Types.DiscoveryType.Static => DiscoveryKind.Static,
            ProtoCluster.Types.DiscoveryType.StrictDns => DiscoveryKind.StrictDns,
            ProtoCluster.Types.DiscoveryType.LogicalDns => DiscoveryKind.LogicalDns,
            ProtoCluster.Types.DiscoveryType.Eds => DiscoveryKind.Eds,
            ProtoCluster.Types.DiscoveryType.OriginalDst => DiscoveryKind.OriginalDestination,
            _ => throw new ConfigRejectedException("type", $"{(int)cluster.Type} is no discovery type"),
        };
    }

    private static UpstreamTransportSelector Transports(ProtoCluster cluster, UpstreamTransportContext context)
    {
        UpstreamTransport fallback = Transport(cluster.TransportSocket, "transport_socket", context);
        var matches = new List<UpstreamTransportSelector.Match>();
        for (int i = 0; i < cluster.TransportSocketMatches.Count; i++)
        {
            ProtoCluster.Types.TransportSocketMatch match = cluster.TransportSocketMatches[i];
            var fields = new List<KeyValuePair<string, string>>();
            if (match.Match is not null)
            {
                foreach ((string key, Google.Protobuf.WellKnownTypes.Value value) in match.Match.Fields)
                {
                    fields.Add(new(key, LoadBalancing.MetadataText.Of(value)));
                }
            }

            string field = $"transport_socket_matches[{i}].transport_socket";
            matches.Add(new UpstreamTransportSelector.Match(match.Name, fields, Transport(match.TransportSocket, field, context)));
        }

        return matches.Count == 0 && fallback.IsRaw && cluster.TransportSocketMatcher is null
            ? UpstreamTransportSelector.Raw
            : new UpstreamTransportSelector(fallback, matches, Matcher(cluster, matches));
    }

    private static TransportMatcher? Matcher(ProtoCluster cluster, List<UpstreamTransportSelector.Match> matches)
    {
        if (cluster.TransportSocketMatcher is null)
        {
            return null;
        }

        var byName = new Dictionary<string, UpstreamTransport>(StringComparer.Ordinal);
        for (int i = 0; i < matches.Count; i++)
        {
            if (matches[i].Name.Length == 0 || !byName.TryAdd(matches[i].Name, matches[i].Transport))
            {
                throw new ConfigRejectedException($"transport_socket_matches[{i}].name",
                    $"'{matches[i].Name}' is empty or stands there twice, and transport_socket_matcher chooses by name");
            }
        }

        return TransportMatcher.Compile(cluster.TransportSocketMatcher, byName);
    }

    private static UpstreamTransport Transport(TransportSocket? socket, string field, UpstreamTransportContext context)
    {
        if (socket is null)
        {
            return RawBufferTransport.Instance;
        }

        if (socket.TypedConfig is null && socket.Name == "envoy.transport_sockets.raw_buffer")
        {
            return RawBufferTransport.Instance;
        }

        IUpstreamTransportFactory factory = context.Config.Extensions.Find<IUpstreamTransportFactory>(
            socket.TypedConfig ?? new(), socket.Name, field, out ExtensionConfig config);
        return factory.Compile(config, context);
    }

    private static CircuitBreakerConfig[] Breakers(CircuitBreakers? breakers)
    {
        var configs = new CircuitBreakerConfig[] { new(), new() };
        if (breakers is null)
        {
            return configs;
        }

        foreach (CircuitBreakers.Types.Thresholds thresholds in breakers.Thresholds)
        {
            configs[Priority(thresholds, "circuit_breakers.thresholds", configs)] = new CircuitBreakerConfig
            {
                ConnectionsMax = thresholds.MaxConnections ?? CircuitBreakerConfig.DefaultLimit,
                PendingRequestsMax = thresholds.MaxPendingRequests ?? CircuitBreakerConfig.DefaultLimit,
                RequestsMax = thresholds.MaxRequests ?? CircuitBreakerConfig.DefaultLimit,
                RetriesMax = thresholds.MaxRetries ?? CircuitBreakerConfig.DefaultRetries,
                ConnectionPoolsMax = thresholds.MaxConnectionPools ?? uint.MaxValue,
                TrackRemaining = thresholds.TrackRemaining,
                RetryBudget = thresholds.RetryBudget is { } budget
                    ? new RetryBudget(
                        budget.BudgetPercent?.Value ?? RetryBudget.DefaultPercent,
                        budget.MinRetryConcurrency ?? RetryBudget.DefaultConcurrencyMin)
                    : null,
            };
        }

        foreach (CircuitBreakers.Types.Thresholds host in breakers.PerHostThresholds)
        {
            int priority = Priority(host, "circuit_breakers.per_host_thresholds", configs);
            configs[priority] = configs[priority] with { HostConnectionsMax = host.MaxConnections ?? uint.MaxValue };
        }

        return configs;
    }

    // proto3 enums are open: any number arrives.
    private static int Priority(CircuitBreakers.Types.Thresholds thresholds, string field, CircuitBreakerConfig[] configs)
    {
        int priority = (int)thresholds.Priority;
        return (uint)priority < (uint)configs.Length
            ? priority
            : throw new ConfigRejectedException(field, $"priority {priority} is neither DEFAULT nor HIGH");
    }

    private static OriginalDestinationPolicy OriginalDestination(ProtoCluster cluster)
    {
        ProtoCluster.Types.OriginalDstLbConfig? config = cluster.OriginalDstLbConfig;
        if (cluster.LbPolicy != ProtoCluster.Types.LbPolicy.ClusterProvided)
        {
            throw new ConfigRejectedException("lb_policy", "an ORIGINAL_DST cluster needs CLUSTER_PROVIDED");
        }

        if (config is { UseHttpHeader: false, HttpHeaderName.Length: > 0 })
        {
            throw new ConfigRejectedException("original_dst_lb_config.http_header_name", "needs use_http_header");
        }

        var path = new List<string>();
        foreach (Envoy.Type.Metadata.V3.MetadataKey.Types.PathSegment segment in
            config?.MetadataKey?.Path ?? new Google.Protobuf.Collections.RepeatedField<Envoy.Type.Metadata.V3.MetadataKey.Types.PathSegment>())
        {
            path.Add(segment.Key);
        }

        return new OriginalDestinationPolicy
        {
            CleanupMilliseconds = ProtoValues.Milliseconds(
                cluster.CleanupInterval, OriginalDestinationPolicy.DefaultCleanupMilliseconds),
            UsesHttpHeader = config?.UseHttpHeader ?? false,
            HeaderName = System.Text.Encoding.ASCII.GetBytes((config is { HttpHeaderName.Length: > 0 }
                ? config.HttpHeaderName
                : OriginalDestinationPolicy.DefaultHeaderName).ToLowerInvariant()),
            PortOverride = config?.UpstreamPortOverride is { } port
                ? port <= ushort.MaxValue ? (ushort)port : throw new ConfigRejectedException("original_dst_lb_config.upstream_port_override", $"{port} is no port")
                : (ushort)0,
            MetadataNamespace = config?.MetadataKey?.Key ?? "",
            MetadataPath = [.. path],
        };
    }

    private static DnsPolicy Dns(ProtoCluster cluster, DnsResolverOptions bootstrapResolver)
    {
        long refresh = ProtoValues.Milliseconds(cluster.DnsRefreshRate, DnsPolicy.DefaultRefreshMilliseconds);
        long failureBase = ProtoValues.Milliseconds(cluster.DnsFailureRefreshRate?.BaseInterval, refresh);
        return new DnsPolicy
        {
            RefreshMilliseconds = refresh,
            JitterMilliseconds = ProtoValues.Milliseconds(cluster.DnsJitter, 0),
            FailureBaseMilliseconds = failureBase,
            FailureMaxMilliseconds = ProtoValues.Milliseconds(cluster.DnsFailureRefreshRate?.MaxInterval, failureBase * 10),
            RespectsTtl = cluster.RespectDnsTtl,
            Resolver = DnsResolverCompiler.Compile(cluster, bootstrapResolver),
            Family = cluster.DnsLookupFamily switch
            {
                ProtoCluster.Types.DnsLookupFamily.V4Only => DnsLookupFamily.V4Only,
                ProtoCluster.Types.DnsLookupFamily.V6Only => DnsLookupFamily.V6Only,
                ProtoCluster.Types.DnsLookupFamily.V4Preferred => DnsLookupFamily.V4Preferred,
                ProtoCluster.Types.DnsLookupFamily.All => DnsLookupFamily.All,
                _ => DnsLookupFamily.Auto,
            },
        };
    }

    private static NetworkFilter[] Filters(ProtoCluster cluster, CompileContext context, UpstreamTransportContext owner)
    {
        var filters = new NetworkFilter[cluster.Filters.Count];
        for (int i = 0; i < cluster.Filters.Count; i++)
        {
            Envoy.Config.Cluster.V3.Filter filter = cluster.Filters[i];
            string field = $"filters[{i}].typed_config";
            INetworkFilterFactory factory = context.Extensions.Find<INetworkFilterFactory>(
                filter.TypedConfig ?? new(), filter.Name, field, out ExtensionConfig config);
            filters[i] = factory.Compile(config, new NetworkFilterContext
            {
                Config = context,
                ListenerName = cluster.Name,
                StatPrefix = "cluster." + (cluster.AltStatName.Length > 0 ? cluster.AltStatName : cluster.Name),
                Direction = Network.TrafficDirection.Outbound,
                Warming = owner.Warming,
                Owned = owner.Owned,
            });
        }

        return filters;
    }
}
