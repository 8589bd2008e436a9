using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Istio.Networking.V1Alpha3;
using Pilotfish.Api.Names;
using ConfigSource = Envoy.Config.Core.V3.ConfigSource;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The clusters that exist before any control plane is heard.</summary>
internal sealed class StaticClusters(BootstrapInputs inputs, NodeMetadata metadata, AddressFamily family)
{
    public const string PrometheusStats = "prometheus_stats";
    public const string Agent = "agent";
    public const string Zipkin = "zipkin";
    public const string Lightstep = "lightstep";
    public const string Datadog = "datadog_agent";
    public const string MetricsService = "envoy_metrics_service";
    public const string AccessLogService = "envoy_accesslog_service";
    public const string LocalCluster = "local_cluster";
    private const string HttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    // Large enough never to matter: breaking the circuit to the control plane would only delay recovery.
    private const uint ControlPlaneBreaker = 100_000;

    public IEnumerable<Cluster> Build()
    {
        ProxyConfig config = inputs.ProxyConfig;
        yield return Local(PrometheusStats, (uint)config.ProxyAdminPort);
        yield return Local(Agent, (uint)config.StatusPort);
        yield return OverSocket(
            ControlPlaneNames.SdsClusterName,
            $"{ControlPlaneNames.WorkloadSocketDirectory}/{inputs.WorkloadIdentitySocketFile}");
        if (inputs.FileCredentialsExist)
        {
            yield return OverSocket(ControlPlaneNames.SdsFilesClusterName, ControlPlaneNames.FilesSocketPath);
        }

        yield return ControlPlane(config);
        if (Tracer(config) is { } tracer)
        {
            yield return tracer;
        }

        if (config.EnvoyMetricsService is { Address.Length: > 0 } metrics)
        {
            yield return RemoteService(MetricsService, metrics);
        }

        if (config.EnvoyAccessLogService is { Address.Length: > 0 } accessLog)
        {
            yield return RemoteService(AccessLogService, accessLog);
        }

        if (metadata.Flag("ENABLE_SELF_DISCOVERY"))
        {
            yield return Self();
        }
    }

    private static Cluster Named(string name, Cluster.Types.DiscoveryType type, Address? address)
    {
        var cluster = new Cluster
        {
            Name = name,
            AltStatName = name + ";",
            Type = type,
            ConnectTimeout = new Duration { Seconds = 1 },
            LbPolicy = Cluster.Types.LbPolicy.RoundRobin,
        };
        if (address is not null)
        {
            cluster.LoadAssignment = new ClusterLoadAssignment
            {
                ClusterName = name,
                Endpoints =
                {
                    new LocalityLbEndpoints
                    {
                        LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = address } } },
                    },
                },
            };
        }

        return cluster;
    }

    private Cluster Local(string name, uint port)
    {
        Cluster cluster = Named(name, Cluster.Types.DiscoveryType.Static, HostPort.Socket(family.Localhost, port));
        cluster.ConnectTimeout = new Duration { Nanos = 250_000_000 };
        return cluster;
    }

    private static Cluster OverSocket(string name, string path)
    {
        var address = new Address { Pipe = new Pipe { Path = path } };
        Cluster cluster = Named(name, Cluster.Types.DiscoveryType.Static, address);
        SpeakHttp2(cluster);
        return cluster;
    }

    private static Cluster ControlPlane(ProxyConfig config)
    {
        Cluster cluster = OverSocket(ControlPlaneNames.XdsClusterName, $"{config.ConfigPath}/XDS");
        cluster.CircuitBreakers = new CircuitBreakers
        {
            Thresholds = { Breaker(RoutingPriority.Default), Breaker(RoutingPriority.High) },
        };
        cluster.UpstreamConnectionOptions = new UpstreamConnectionOptions
        {
            TcpKeepalive = new TcpKeepalive { KeepaliveTime = 300 },
        };
        cluster.MaxRequestsPerConnection = 1;
        return cluster;
    }

    private static CircuitBreakers.Types.Thresholds Breaker(RoutingPriority priority) => new()
    {
        Priority = priority,
        MaxConnections = ControlPlaneBreaker,
        MaxPendingRequests = ControlPlaneBreaker,
        MaxRequests = ControlPlaneBreaker,
    };

    private static void SpeakHttp2(Cluster cluster) => cluster.TypedExtensionProtocolOptions[HttpOptionsKey] =
        TypedConfig.Pack(new HttpProtocolOptions
        {
            ExplicitHttpConfig = new HttpProtocolOptions.Types.ExplicitHttpConfig
            {
                Http2ProtocolOptions = new Http2ProtocolOptions(),
            },
        });

    private Cluster Dns(string name, string address, TransportSocket? tls)
    {
        Cluster cluster = Named(
            name, Cluster.Types.DiscoveryType.StrictDns, HostPort.Parse(address, name, inputs.Environment));
        cluster.RespectDnsTtl = true;
        cluster.DnsLookupFamily = family.Dns;
        cluster.TransportSocket = tls;
        return cluster;
    }

    private Cluster? Tracer(ProxyConfig config)
    {
        Tracing? tracing = config.Tracing;
        bool isHttp2 = tracing?.TracerCase == Tracing.TracerOneofCase.Lightstep;
        TransportSocket? tls = Secrets.ClientTls(tracing?.TlsSettings, "tracer", metadata, isHttp2);
        switch (tracing?.TracerCase)
        {
            case Tracing.TracerOneofCase.Zipkin:
                Cluster zipkin = Dns(Zipkin, tracing.Zipkin.Address, tls);
                zipkin.DnsRefreshRate = new Duration { Seconds = 30 };
                return zipkin;
            case Tracing.TracerOneofCase.Lightstep:
                Cluster lightstep = Dns(Lightstep, tracing.Lightstep.Address, tls);
                SpeakHttp2(lightstep);
                return lightstep;
            case Tracing.TracerOneofCase.Datadog:
                return Dns(Datadog, tracing.Datadog.Address, tls);
            default:
                return null;
        }
    }

    private Cluster RemoteService(string name, RemoteService service)
    {
        Cluster cluster = Dns(name, service.Address, Secrets.ClientTls(service.TlsSettings, name, metadata, isHttp2: true));
        SpeakHttp2(cluster);
        if (service.TcpKeepalive is { } keepalive)
        {
            cluster.UpstreamConnectionOptions = new UpstreamConnectionOptions { TcpKeepalive = Keepalive(keepalive) };
        }

        return cluster;
    }

    private static TcpKeepalive Keepalive(ConnectionPoolSettings.Types.TCPSettings.Types.TcpKeepalive asked) => new()
    {
        KeepaliveProbes = asked.Probes > 0 ? asked.Probes : null,
        KeepaliveTime = asked.Time?.Seconds > 0 ? (uint)asked.Time.Seconds : null,
        KeepaliveInterval = asked.Interval?.Seconds > 0 ? (uint)asked.Interval.Seconds : null,
    };

    /// <summary>The workload's own peers, so that zone-aware balancing knows how large its zone is.</summary>
    private static Cluster Self()
    {
        Cluster cluster = Named(LocalCluster, Cluster.Types.DiscoveryType.Eds, null);
        cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig
        {
            ServiceName = LocalCluster,
            EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 },
        };
        cluster.LoadBalancingPolicy = new LoadBalancingPolicy
        {
            Policies =
            {
                new LoadBalancingPolicy.Types.Policy
                {
                    TypedExtensionConfig = new TypedExtensionConfig
                    {
                        Name = "envoy.load_balancing_policies.least_request",
                        TypedConfig = TypedConfig.Pack(new Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest
                        {
                            LocalityLbConfig = new Envoy.Extensions.LoadBalancingPolicies.Common.V3.LocalityLbConfig
                            {
                                ZoneAwareLbConfig =
                                    new Envoy.Extensions.LoadBalancingPolicies.Common.V3.LocalityLbConfig.Types.ZoneAwareLbConfig
                                    {
                                        MinClusterSize = 1,
                                    },
                            },
                        }),
                    },
                },
            },
        };
        return cluster;
    }
}
