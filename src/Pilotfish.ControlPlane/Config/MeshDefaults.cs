using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Config;

/// <summary>The mesh configuration that holds when nothing is said, and how a partial one is laid over it.</summary>
public static class MeshDefaults
{
    public const string RootNamespace = "istio-system";
    public const string TrustDomain = "cluster.local";
    public const int OutboundPort = 15001;
    public const int InboundPort = 15006;
    private const string PrometheusProvider = "prometheus";
    private const string AccessLogProvider = "envoy";

    private static readonly Duration s_connectTimeout = new() { Seconds = 10 };

    // Applies when a name does not resolve; a successful answer lives for its own TTL.
    private static readonly Duration s_dnsRefreshRate = new() { Seconds = 60 };

    public static MeshConfig Create()
    {
        var mesh = new MeshConfig
        {
            EnableTracing = true,
            ProtocolDetectionTimeout = new Duration(),
            IngressService = "istio-ingressgateway",
            IngressControllerMode = MeshConfig.Types.IngressControllerMode.Strict,
            IngressClass = "istio",
            TrustDomain = TrustDomain,
            EnableAutoMtls = true,
            OutboundTrafficPolicy = new() { Mode = MeshConfig.Types.OutboundTrafficPolicy.Types.Mode.AllowAny },
            InboundTrafficPolicy = new() { Mode = MeshConfig.Types.InboundTrafficPolicy.Types.Mode.Passthrough },
            LocalityLbSetting = new LocalityLoadBalancerSetting { Enabled = true },
            DefaultConfig = CreateProxyConfig(),
            RootNamespace = RootNamespace,
            ProxyListenPort = OutboundPort,
            ProxyInboundListenPort = InboundPort,
            ConnectTimeout = s_connectTimeout,
            DnsRefreshRate = s_dnsRefreshRate,
            EnablePrometheusMerge = true,
            // The standard installation sets this in the mesh ConfigMap; without it no proxy would report metrics.
            DefaultProviders = new() { Metrics = { PrometheusProvider } },
        };
        mesh.DefaultServiceExportTo.Add("*");
        mesh.DefaultVirtualServiceExportTo.Add("*");
        mesh.DefaultDestinationRuleExportTo.Add("*");
        mesh.ExtensionProviders.Add(new MeshConfig.Types.ExtensionProvider { Name = PrometheusProvider, Prometheus = new() });
        mesh.ExtensionProviders.Add(new MeshConfig.Types.ExtensionProvider { Name = "stackdriver", Stackdriver = new() });
        mesh.ExtensionProviders.Add(new MeshConfig.Types.ExtensionProvider
        {
            Name = AccessLogProvider,
            EnvoyFileAccessLog = new() { Path = "/dev/stdout" },
        });
        return mesh;
    }

    /// <summary>
    /// Lays <paramref name="given"/> over the defaults. Scalars and messages that are present win; lists replace the default's
    /// list, except extension providers, which replace by name and otherwise add.
    /// </summary>
    public static MeshConfig Apply(MeshConfig given)
    {
        var mesh = Create();
        if (given.DefaultServiceExportTo.Count > 0)
        {
            mesh.DefaultServiceExportTo.Clear();
        }

        if (given.DefaultVirtualServiceExportTo.Count > 0)
        {
            mesh.DefaultVirtualServiceExportTo.Clear();
        }

        if (given.DefaultDestinationRuleExportTo.Count > 0)
        {
            mesh.DefaultDestinationRuleExportTo.Clear();
        }

        if (given.DefaultProviders is not null)
        {
            mesh.DefaultProviders = null;
        }

        foreach (var provider in given.ExtensionProviders)
        {
            for (var i = mesh.ExtensionProviders.Count - 1; i >= 0; i--)
            {
                if (mesh.ExtensionProviders[i].Name == provider.Name)
                {
                    mesh.ExtensionProviders.RemoveAt(i);
                }
            }
        }

        // An enum at its zero value is indistinguishable from an absent one once merged, so these blocks replace whole.
        if (given.OutboundTrafficPolicy is not null)
        {
            mesh.OutboundTrafficPolicy = null;
        }

        if (given.InboundTrafficPolicy is not null)
        {
            mesh.InboundTrafficPolicy = null;
        }

        mesh.MergeFrom(given);
        return mesh;
    }

    private static ProxyConfig CreateProxyConfig() => new()
    {
        ConfigPath = "./etc/istio/proxy",
        BinaryPath = "/usr/local/bin/envoy",
        ServiceCluster = "istio-proxy",
        DrainDuration = new Duration { Seconds = 45 },
        TerminationDrainDuration = new Duration { Seconds = 5 },
        ProxyAdminPort = 15000,
        ControlPlaneAuthPolicy = AuthenticationPolicy.MutualTls,
        DiscoveryAddress = "istiod.istio-system.svc:15012",
        StatNameLength = 189,
        StatusPort = 15020,
    };
}
