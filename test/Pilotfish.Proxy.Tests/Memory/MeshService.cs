using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Proxy.Tests.Transport;

namespace Pilotfish.Proxy.Tests.Memory;

/// <summary>What a control plane pushes to a sidecar for one service of the mesh: cluster, assignment and virtual host, as Istio words them.</summary>
internal sealed class MeshService(int number, bool inMesh)
{
    private readonly string _host = $"svc-{number}.default.svc.cluster.local";

    public string ClusterName => $"outbound|80||{_host}";

    public Cluster Cluster()
    {
        var cluster = new Cluster
        {
            Name = ClusterName,
            AltStatName = ClusterName + ";",
            Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds,
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig
            {
                ServiceName = ClusterName,
                EdsConfig = new ConfigSource
                {
                    Ads = new AggregatedConfigSource(), InitialFetchTimeout = new Duration(), ResourceApiVersion = ApiVersion.V3,
                },
            },
            ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)),
            LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy.LeastRequest,
            CircuitBreakers = new CircuitBreakers
            {
                Thresholds =
                {
                    new CircuitBreakers.Types.Thresholds
                    {
                        MaxConnections = uint.MaxValue, MaxPendingRequests = uint.MaxValue, MaxRequests = uint.MaxValue, MaxRetries = uint.MaxValue,
                    },
                },
            },
            CommonLbConfig = new Cluster.Types.CommonLbConfig(),
            Metadata = Labels("istio", ("services", Value.ForList(Value.ForStruct(new Struct
            {
                Fields =
                {
                    ["host"] = Value.ForString(_host),
                    ["name"] = Value.ForString($"svc-{number}"),
                    ["namespace"] = Value.ForString("default"),
                },
            })))),
        };
        if (inMesh)
        {
            cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
            {
                Name = "tlsMode-istio",
                Match = new Struct { Fields = { ["tlsMode"] = Value.ForString("istio") } },
                TransportSocket = new TransportSocket
                {
                    Name = "envoy.transport_sockets.tls",
                    TypedConfig = Any.Pack(new UpstreamTlsContext
                    {
                        Sni = $"outbound_.80_._.{_host}",
                        CommonTlsContext = new CommonTlsContext
                        {
                            AlpnProtocols = { "istio-peer-exchange", "istio" },
                            TlsCertificateSdsSecretConfigs = { Secret("default") },
                            CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
                            {
                                DefaultValidationContext = new CertificateValidationContext(),
                                ValidationContextSdsSecretConfig = Secret("ROOTCA"),
                            },
                        },
                    }),
                },
            });
            cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
            {
                Name = "tlsMode-disabled", Match = new Struct(), TransportSocket = new TransportSocket { Name = "envoy.transport_sockets.raw_buffer" },
            });
        }

        return cluster;
    }

    public ClusterLoadAssignment Assignment()
    {
        var address = NetAddress.Parse($"10.{100 + (number / 62500)}.{number / 250 % 250}.{(number % 250) + 1}:8080");
        ClusterLoadAssignment assignment = TransportFixture.Assignment(ClusterName, address);
        assignment.Endpoints[0].Locality = new Locality();
        assignment.Endpoints[0].LoadBalancingWeight = 1;
        LbEndpoint endpoint = assignment.Endpoints[0].LbEndpoints[0];
        endpoint.HealthStatus = HealthStatus.Healthy;
        endpoint.LoadBalancingWeight = 1;
        endpoint.Metadata = Labels("istio", ("workload", Value.ForString($"svc-{number}-0;default;svc-{number};;Kubernetes")));
        if (inMesh)
        {
            endpoint.Metadata.FilterMetadata["envoy.transport_socket_match"] = new Struct { Fields = { ["tlsMode"] = Value.ForString("istio") } };
        }

        return assignment;
    }

    public VirtualHost VirtualHost() => new()
    {
        Name = $"{_host}:80",
        Domains =
        {
            _host, _host + ".", $"svc-{number}", $"svc-{number}.default.svc", $"svc-{number}.default", $"10.96.{number / 250}.{(number % 250) + 1}",
        },
        IncludeRequestAttemptCount = true,
        Routes =
        {
            new Route
            {
                Name = "default",
                Match = new RouteMatch { Prefix = "/" },
                Decorator = new Decorator { Operation = $"{_host}:80/*" },
                Route_ = new RouteAction
                {
                    Cluster = ClusterName,
                    Timeout = new Duration(),
                    MaxGrpcTimeout = new Duration(),
                    RetryPolicy = new Envoy.Config.Route.V3.RetryPolicy
                    {
                        RetryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                        NumRetries = 2,
                        HostSelectionRetryMaxAttempts = 5,
                        RetryHostPredicate =
                        {
                            new Envoy.Config.Route.V3.RetryPolicy.Types.RetryHostPredicate
                            {
                                Name = "envoy.retry_host_predicates.previous_hosts",
                                TypedConfig = new Any
                                {
                                    TypeUrl = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                                },
                            },
                        },
                    },
                },
            },
        },
    };

    private static SdsSecretConfig Secret(string name) => new()
    {
        Name = name, SdsConfig = new ConfigSource { Ads = new AggregatedConfigSource(), InitialFetchTimeout = new Duration() },
    };

    private static Metadata Labels(string name, (string Key, Value Value) field) =>
        new() { FilterMetadata = { [name] = new Struct { Fields = { [field.Key] = field.Value } } } };
}
