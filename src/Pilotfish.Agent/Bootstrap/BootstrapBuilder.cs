using System.Globalization;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Metrics.V3;
using Envoy.Config.Overload.V3;
using Envoy.Config.Trace.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Names;
using Udpa.Type.V1;
using BootstrapMessage = Envoy.Config.Bootstrap.V3.Bootstrap;
using ConfigSource = Envoy.Config.Core.V3.ConfigSource;
using Tracer = Istio.Mesh.V1Alpha1.Tracing.TracerOneofCase;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The bootstrap as Istio's agent writes it for Envoy, as a message: no template, no text in between.</summary>
public sealed class BootstrapBuilder
{
    private const string LogFormat = "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t";
    private const string ConnectionLimitFlag = "overload.global_downstream_max_connections";
    private const string LightstepTokenFile = "lightstep_access_token.txt";

    private readonly BootstrapInputs _inputs;
    private readonly NodeMetadata _metadata;
    private readonly ProxyConfig _config;
    private readonly AddressFamily _family;

    private BootstrapBuilder(BootstrapInputs inputs)
    {
        _inputs = inputs;
        _config = inputs.ProxyConfig;
        _metadata = NodeMetadata.Build(inputs);
        _family = AddressFamily.Of(_metadata.InstanceIps, inputs.Environment.Flag(AgentVariables.DualStack, false));
    }

    /// <exception cref="AgentConfigException">An address in ProxyConfig is unusable.</exception>
    public static BootstrapMessage Build(BootstrapInputs inputs) => new BootstrapBuilder(inputs).Build();

    private BootstrapMessage Build()
    {
        var stats = new StatsSettings(_config, _metadata, _inputs.ExitOnZeroActiveConnections);
        var bootstrap = new BootstrapMessage
        {
            ApplicationLogConfig = ApplicationLog(),
            Node = new Node
            {
                Id = _inputs.NodeId,
                Cluster = ServiceClusterName.Of(_config, _metadata),
                Locality = _metadata.Locality,
                Metadata = _metadata.Values,
            },
            LayeredRuntime = Runtime(),
            StatsConfig = stats.Build(),
            StatsFlushInterval = stats.FlushInterval(),
            Admin = Admin(),
            DynamicResources = DynamicResources(),
            StaticResources = new BootstrapMessage.Types.StaticResources
            {
                Clusters = { new StaticClusters(_inputs, _metadata, _family).Build() },
                Listeners = { new StaticListeners(_inputs, _family).Build() },
            },
            OverloadManager = Overload(),
            DeferredStatOptions = new BootstrapMessage.Types.DeferredStatOptions { EnableDeferredCreationStats = true },
        };
        if (stats.EvictionInterval() is { } eviction)
        {
            bootstrap.StatsEvictionInterval = eviction;
        }

        AddExtensions(bootstrap);
        AddTracing(bootstrap);
        AddStatsSinks(bootstrap);
        AddClusterManager(bootstrap);
        return bootstrap;
    }

    private BootstrapMessage.Types.ApplicationLogConfig ApplicationLog()
    {
        var format = new BootstrapMessage.Types.ApplicationLogConfig.Types.LogFormat();
        if (!_inputs.LogAsJson)
        {
            format.TextFormat = LogFormat;
            return new BootstrapMessage.Types.ApplicationLogConfig { LogFormat = format };
        }

        format.JsonFormat = new Struct
        {
            Fields =
            {
                ["time"] = Value.ForString("%Y-%m-%dT%T.%fZ"),
                ["level"] = Value.ForString("%l"),
                ["scope"] = Value.ForString("envoy %n"),
                ["msg"] = Value.ForString("%j"),
                ["caller"] = Value.ForString("%g:%#"),
                ["thread"] = Value.ForString("%t"),
            },
        };
        return new BootstrapMessage.Types.ApplicationLogConfig { LogFormat = format };
    }

    private LayeredRuntime Runtime() => new()
    {
        Layers =
        {
            new RuntimeLayer { Name = "global config", StaticLayer = RuntimeFlags.Of(_config, _inputs.Environment) },
            new RuntimeLayer { Name = "admin", AdminLayer = new RuntimeLayer.Types.AdminLayer() },
        },
    };

    private Admin Admin() => new()
    {
        AccessLog =
        {
            new Envoy.Config.Accesslog.V3.AccessLog
            {
                Name = "envoy.access_loggers.file",
                TypedConfig = TypedConfig.Pack(new FileAccessLog { Path = "/dev/null" }),
            },
        },
        ProfilePath = "/var/lib/istio/data/envoy.prof",
        Address = HostPort.Socket(_family.Localhost, (uint)_config.ProxyAdminPort),
    };

    private BootstrapMessage.Types.DynamicResources DynamicResources()
    {
        bool delta = _inputs.Environment.Flag(AgentVariables.DeltaXds, true);
        return new BootstrapMessage.Types.DynamicResources
        {
            LdsConfig = OverAds(),
            CdsConfig = OverAds(),
            AdsConfig = new ApiConfigSource
            {
                ApiType = delta ? ApiConfigSource.Types.ApiType.DeltaGrpc : ApiConfigSource.Types.ApiType.Grpc,
                SetNodeOnFirstMessageOnly = true,
                TransportApiVersion = ApiVersion.V3,
                GrpcServices = { GrpcOver(ControlPlaneNames.XdsClusterName) },
            },
        };
    }

    private static ConfigSource OverAds() => new()
    {
        Ads = new AggregatedConfigSource(),
        InitialFetchTimeout = new Duration(),
        ResourceApiVersion = ApiVersion.V3,
    };

    private static GrpcService GrpcOver(string cluster) =>
        new() { EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = cluster } };

    private OverloadManager Overload() => new()
    {
        ResourceMonitors =
        {
            new ResourceMonitor
            {
                Name = "envoy.resource_monitors.global_downstream_max_connections",
                TypedConfig = TypedConfig.Pack(new DownstreamConnectionsConfig { MaxActiveDownstreamConnections = ConnectionLimit() }),
            },
        },
    };

    /// <summary>ProxyConfig's own field, then the metadata variable, then the old runtime flag, then no limit.</summary>
    private long ConnectionLimit()
    {
        if (_config.ConnectionSettings?.GlobalDownstreamConnectionLimit is { } limit and > 0)
        {
            return limit;
        }

        string[] texts =
        [
            _config.ProxyMetadata.TryGetValue(AgentVariables.GlobalDownstreamMaxConnections, out string? meta) ? meta : "",
            _config.RuntimeValues.TryGetValue(ConnectionLimitFlag, out string? flag) ? flag : "",
        ];
        foreach (string text in texts)
        {
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
            {
                return value;
            }
        }

        return int.MaxValue;
    }

    private void AddExtensions(BootstrapMessage bootstrap)
    {
        if (_metadata.MetadataDiscovery && _inputs.Environment.Flag(AgentVariables.DeltaXds, true))
        {
            var source = new Struct
            {
                Fields = { ["config_source"] = Value.ForStruct(new Struct { Fields = { ["ads"] = Value.ForStruct(new Struct()) } }) },
            };
            bootstrap.BootstrapExtensions.Add(
                Extension("metadata_discovery", "istio.workload.BootstrapExtension", source));
        }

        var buffer = new Struct { Fields = { ["buffer_size_kb"] = Value.ForNumber(64) } };
        bootstrap.BootstrapExtensions.Add(Extension(
            "envoy.bootstrap.internal_listener", "envoy.extensions.bootstrap.internal_listener.v3.InternalListener", buffer));
    }

    private static TypedExtensionConfig Extension(string name, string type, Struct value) => new()
    {
        Name = name,
        TypedConfig = TypedConfig.Pack(new TypedStruct { TypeUrl = TypeUrls.Prefix + type, Value = value }),
    };

    private void AddTracing(BootstrapMessage bootstrap)
    {
        (string Name, IMessage Config)? tracer = _config.Tracing?.TracerCase switch
        {
            Tracer.Zipkin => ("envoy.tracers.zipkin", new ZipkinConfig
            {
                CollectorCluster = StaticClusters.Zipkin,
                CollectorEndpoint = "/api/v2/spans",
                CollectorEndpointVersion = ZipkinConfig.Types.CollectorEndpointVersion.HttpJson,
                TraceId128Bit = true,
                SharedSpanContext = false,
            }),
            Tracer.Lightstep => ("envoy.tracers.lightstep", new LightstepConfig
            {
                CollectorCluster = StaticClusters.Lightstep,
                AccessTokenFile = Path.Combine(_config.ConfigPath, LightstepTokenFile),
            }),
            Tracer.Datadog => ("envoy.tracers.datadog", new DatadogConfig
            {
                CollectorCluster = StaticClusters.Datadog,
                ServiceName = bootstrap.Node.Cluster,
            }),
            _ => null,
        };
        if (tracer is { } chosen)
        {
            bootstrap.Tracing = new Envoy.Config.Trace.V3.Tracing
            {
                Http = new Envoy.Config.Trace.V3.Tracing.Types.Http { Name = chosen.Name, TypedConfig = TypedConfig.Pack(chosen.Config) },
            };
        }
    }

    private void AddStatsSinks(BootstrapMessage bootstrap)
    {
        if (_config.EnvoyMetricsService is { Address.Length: > 0 })
        {
            bootstrap.StatsSinks.Add(new StatsSink
            {
                Name = "envoy.stat_sinks.metrics_service",
                TypedConfig = TypedConfig.Pack(new MetricsServiceConfig
                {
                    TransportApiVersion = ApiVersion.V3,
                    GrpcService = GrpcOver(StaticClusters.MetricsService),
                }),
            });
        }

        if (_config.StatsdUdpAddress.Length > 0)
        {
            bootstrap.StatsSinks.Add(new StatsSink
            {
                Name = "envoy.stat_sinks.statsd",
                TypedConfig = TypedConfig.Pack(new StatsdSink
                {
                    Address = HostPort.Parse(_config.StatsdUdpAddress, "statsdUdpAddress", _inputs.Environment),
                }),
            });
        }
    }

    private void AddClusterManager(BootstrapMessage bootstrap)
    {
        bool knowsItself = _metadata.Flag("ENABLE_SELF_DISCOVERY");
        string loadStats = _metadata.Text("LOAD_STATS_CONFIG_JSON");
        if (_inputs.OutlierLogPath.Length == 0 && loadStats.Length == 0 && !knowsItself)
        {
            return;
        }

        var manager = new ClusterManager { EnableDeferredClusterCreation = true };
        if (knowsItself)
        {
            manager.LocalClusterName = StaticClusters.LocalCluster;
        }

        if (_inputs.OutlierLogPath.Length > 0)
        {
            manager.OutlierDetection = new ClusterManager.Types.OutlierDetection { EventLogPath = _inputs.OutlierLogPath };
        }

        if (loadStats.Length > 0)
        {
            ReadResult<ApiConfigSource> source = MessageReader.Parse<ApiConfigSource>(loadStats, "LOAD_STATS_CONFIG_JSON");
            manager.LoadStatsConfig = source.Message ?? throw new AgentConfigException(source.Errors[0].ToString());
        }

        bootstrap.ClusterManager = manager;
    }
}
