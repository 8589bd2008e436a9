namespace Pilotfish.ControlPlane;

/// <summary>What `discovery --help` prints.</summary>
internal static class DiscoveryHelp
{
    public const string Text = """
        Usage: discovery --configDir DIR [flags]

        The control plane over a folder of Kubernetes and Istio YAML, with pilot-discovery's flags.

          --configDir DIR           a folder of manifests, watched; may be repeated
          --recursive=false         do not look into folders below (default true)
          --stateDir DIR            objects that a machine writes (pods, addresses of services); they win over manifests of the same name
          --meshConfig FILE         mesh config over Istio's defaults (also --meshConfigFile; default ./etc/istio/config/mesh)
          --grpcAddr HOST:PORT      xDS in plaintext (default :15010)
          --secureGRPCAddr ...      xDS over TLS, with a certificate only (default :15012)
          --httpAddr ...            /ready and /debug (default :8080)
          --httpsAddr ...           injection and validation webhooks, with a certificate only (default :15017)
          --monitoringAddr ...      metrics (default :15014)
          --tlsCertFile FILE, --tlsKeyFile FILE   the certificate of both TLS ports and its key; renewed files are read without a restart
          --caCertFile FILE         roots that clients' certificates must chain to
          --domain DOMAIN           DNS domain of services (default cluster.local)
          --clusterID ID            this cluster's id (default CLUSTER_ID, else Kubernetes)

        An empty address closes its port. Other flags of pilot-discovery are passed over.
        Exit codes: 0 after an orderly end, 64 after a wrong command, 1 after any other error.
        """;
}
