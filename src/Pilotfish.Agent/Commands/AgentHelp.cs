namespace Pilotfish.Agent.Commands;

/// <summary>What `--help` prints for the roles of pilot-agent.</summary>
internal static class AgentHelp
{
    private const string Proxy = """
        Usage: proxy [sidecar|router|waypoint|ztunnel|agentgateway] [flags]

        The sidecar: agent and data plane in one process, with pilot-agent's flags. Its settings come from the environment, as the injector
        writes it: PROXY_CONFIG, POD_NAME, POD_NAMESPACE, INSTANCE_IP, ISTIO_META_*, ISTIO_METAJSON_*.

          --domain DOMAIN                  DNS domain of the pod (default POD_NAMESPACE.svc.cluster.local)
          --meshConfig FILE                mesh config; its defaultConfig counts (default ./etc/istio/config/mesh)
          --serviceCluster NAME            the node's cluster where nothing else names it (default istio-proxy)
          --concurrency N                  worker threads (default ProxyConfig, ISTIO_CPU_LIMIT, the CPU limit, the cores)
          --proxyLogLevel LEVEL            trace, debug, info, warning, error, critical or off (default warning)
          --proxyComponentLogLevel LIST    COMPONENT:LEVEL, separated by commas
          --outlierLogPath FILE            where ejections of hosts are logged
          --stsPort PORT                   told to the control plane (default 0)
          --print-bootstrap                print the bootstrap as JSON and end; needs neither root nor network

        Flags that pilot-agent has beside these, and flags that nobody knows, are passed over as it does.
        Exit codes: 0 after an orderly end, 255 after an error.
        """;

    private const string Wait = """
        Usage: wait [flags]

        Waits until the sidecar of this pod is ready.

          --timeoutSeconds N         give up after so many seconds (default 60)
          --requestTimeoutMillis N   for each request (default 500)
          --periodMillis N           between two requests (default 500)
          --url URL                  what is asked (default http://localhost:15021/healthz/ready)

        Exit codes: 0 when it is ready, 255 when it was not in time.
        """;

    private const string Request = """
        Usage: request METHOD PATH [BODY] [flags]

        Sends a request to a port of the proxy and prints the answer's body: request GET /clusters

          --debug-port PORT   15000, 15004, 15020 or 15021 (default 15000)

        Exit codes: 0 after an answer below 400 or a 404, else 255.
        """;

    private const string Version = """
        Usage: version [flags]

        Prints what this executable is.

          -s, --short           the version alone
          -o, --output FORMAT   'yaml' or 'json'
        """;

    /// <summary>Null where help is not asked for, or the role is not of pilot-agent.</summary>
    public static string? Asked(string role, IReadOnlyList<string> args)
    {
        if (!args.TakeWhile(static arg => arg != "--").Any(static arg => arg is "--help" or "-h"))
        {
            return null;
        }

        return role switch
        {
            "proxy" => Proxy,
            "wait" => Wait,
            "request" => Request,
            "version" => Version,
            _ => null,
        };
    }
}
