using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Compression.Zstd.Compressor.V3;
using Envoy.Extensions.Filters.Http.Compressor.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Listener.ProxyProtocol.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The listeners for kubelet and Prometheus, which work before any control plane is heard.</summary>
internal sealed class StaticListeners(BootstrapInputs inputs, AddressFamily family)
{
    private const string MetricsPath = "/stats/prometheus";
    private static readonly string[] s_metricTypes =
    [
        "text/plain", "application/vnd.google.protobuf", "application/openmetrics-text", "application/openmetrics-protobuf",
    ];

    public IEnumerable<Listener> Build()
    {
        yield return Prometheus();
        if (inputs.SecureMetricsPort != 0)
        {
            yield return Secure(
                inputs.SecureMetricsPort, "secure_stats", [(MetricsPath, StaticClusters.PrometheusStats)]);
        }

        if (inputs.SecureMergedMetricsPort != 0)
        {
            yield return Secure(
                inputs.SecureMergedMetricsPort,
                "secure_merged_stats",
                [(MetricsPath, StaticClusters.Agent), ("/metrics", StaticClusters.Agent)]);
        }

        yield return Health();
    }

    private Listener Prometheus()
    {
        bool localOnly = inputs.ProxyConfig.ProxyMetadata.TryGetValue(AgentVariables.MetricsLocalhostOnly, out string? only)
            && AgentEnvironment.ParseFlag(only) == true;
        bool compress = inputs.ProxyConfig.StatsCompression ?? true;
        Listener listener = Bound(
            localOnly ? family.Localhost : family.Wildcard,
            localOnly ? family.AdditionalLocalhost : family.AdditionalWildcard,
            inputs.PrometheusPort);
        HttpFilter[] filters = compress
            ?
            [
                Compress("brotli", new Brotli()),
                Compress("zstd", new Zstd()),
                Compress("gzip", new Gzip()),
                RouterFilter(),
            ]
            : [RouterFilter()];
        listener.FilterChains.Add(Chain("stats", [(MetricsPath, StaticClusters.PrometheusStats)], filters));
        return listener;
    }

    private Listener Health()
    {
        Listener listener = Bound(family.Wildcard, family.AdditionalWildcard, inputs.StatusPort);
        if (inputs.Environment.Flag(AgentVariables.EnvoyStatusPortEnableProxyProtocol, false))
        {
            listener.ListenerFilters.Add(new ListenerFilter
            {
                Name = "envoy.listener.proxy_protocol",
                TypedConfig = TypedConfig.Pack(new ProxyProtocol { AllowRequestsWithoutProxyProtocol = true }),
            });
        }

        listener.FilterChains.Add(Chain("agent", [("/healthz/ready", StaticClusters.Agent)], [RouterFilter()]));
        return listener;
    }

    private Listener Secure(int port, string statPrefix, (string Prefix, string Cluster)[] routes)
    {
        Listener listener = Bound(family.Wildcard, null, port);
        listener.ListenerFilters.Add(new ListenerFilter
        {
            Name = "envoy.filters.listener.tls_inspector",
            TypedConfig = TypedConfig.Pack(new TlsInspector()),
        });
        FilterChain chain = Chain(statPrefix, routes, [RouterFilter()]);
        chain.FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls" };
        chain.TransportSocket = Secrets.Socket(new DownstreamTlsContext
        {
            RequireClientCertificate = true,
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificateSdsSecretConfigs = { Secrets.Named(Secrets.Certificate) },
                CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
                {
                    DefaultValidationContext = new CertificateValidationContext(),
                    ValidationContextSdsSecretConfig = Secrets.Named(Secrets.Roots),
                },
            },
        });
        listener.FilterChains.Add(chain);
        return listener;
    }

    private static Listener Bound(string address, string? additional, int port)
    {
        var listener = new Listener
        {
            Name = $"{address}_{port}",
            Address = HostPort.Socket(address, (uint)port),
            IgnoreGlobalConnLimit = true,
            BypassOverloadManager = true,
        };
        if (additional is not null)
        {
            listener.AdditionalAddresses.Add(new AdditionalAddress { Address = HostPort.Socket(additional, (uint)port) });
        }

        return listener;
    }

    private static FilterChain Chain(string statPrefix, (string Prefix, string Cluster)[] routes, HttpFilter[] filters)
    {
        var host = new VirtualHost { Name = "backend", Domains = { "*" } };
        foreach ((string prefix, string cluster) in routes)
        {
            host.Routes.Add(new Route
            {
                Match = new RouteMatch { Prefix = prefix },
                Route_ = new RouteAction { Cluster = cluster },
            });
        }

        var manager = new HttpConnectionManager
        {
            CodecType = HttpConnectionManager.Types.CodecType.Auto,
            StatPrefix = statPrefix,
            RouteConfig = new RouteConfiguration { VirtualHosts = { host } },
            HttpFilters = { filters },
        };
        return new FilterChain
        {
            Filters = { new Filter { Name = "envoy.filters.network.http_connection_manager", TypedConfig = TypedConfig.Pack(manager) } },
        };
    }

    private static HttpFilter RouterFilter() =>
        new() { Name = "envoy.filters.http.router", TypedConfig = TypedConfig.Pack(new Router()) };

    private static HttpFilter Compress(string algorithm, IMessage library)
    {
        var common = new Compressor.Types.CommonDirectionConfig { ContentType = { s_metricTypes } };
        return new HttpFilter
        {
            Name = $"envoy.filters.http.compressor.{algorithm}",
            TypedConfig = TypedConfig.Pack(new Compressor
            {
                CompressorLibrary = new TypedExtensionConfig
                {
                    Name = $"stats_{algorithm}",
                    TypedConfig = TypedConfig.Pack(library),
                },
                ResponseDirectionConfig = new Compressor.Types.ResponseDirectionConfig { CommonConfig = common },
            }),
        };
    }
}
