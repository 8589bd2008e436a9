using System.Net;
using System.Runtime.InteropServices;
using Envoy.Config.Cluster.V3;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Commands;
using Pilotfish.Agent.Discovery;
using Pilotfish.Agent.Dns;
using Pilotfish.Agent.Health;
using Pilotfish.Agent.Identity;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Names;
using Pilotfish.Language.Numbers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>
/// The sidecar as one process: (1) main loop, (2) DNS proxy, (3) secrets, (4) bootstrap and data plane, (5) status server, (6) signals,
/// then the loop runs until <see cref="Termination"/> ends it.
/// </summary>
internal sealed class AgentProcess
{
    private const string ResolvConf = "/etc/resolv.conf";

    // Written before DNS was pointed at the agent itself, so it still names the servers of the machine.
    private const string SavedResolvConf = "/var/lib/istio/resolv.conf";
    private const int DnsPort = 53;

    private static readonly TimeSpan s_logFlushLimit = TimeSpan.FromSeconds(1);

    private readonly AgentConfig _config;
    private readonly EventLoop _loop;

    private AgentProcess(AgentConfig config, EventLoop loop)
    {
        _config = config;
        _loop = loop;
    }

    /// <summary>Null after an orderly end, else the sentence why it could not start.</summary>
    public static string? Run(AgentConfig config, Func<DataPlaneInputs, IDataPlane> startDataPlane)
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "main" });
        var process = new AgentProcess(config, loop);
        var parts = new Stack<IDisposable>();
        try
        {
            using (loop.Bind())
            {
                process.Start(startDataPlane, parts);
            }

            loop.Run();
            return null;
        }
        finally
        {
            using (loop.Bind())
            {
                while (parts.TryPop(out IDisposable? part))
                {
                    part.Dispose();
                }
            }

            // The log's own thread dies with the process: the reason of its end is the last line, and the one that is looked for.
            Log.Flush(s_logFlushLimit);
        }
    }

    private void Start(Func<DataPlaneInputs, IDataPlane> startDataPlane, Stack<IDisposable> parts)
    {
        DnsProxy? dns = StartDns();
        if (dns is not null)
        {
            parts.Push(dns);
        }

        string discovery = _config.ProxyConfig.DiscoveryAddress;
        AgentSecrets secrets = AgentSecrets.Start(_loop, _config.Environment, AuthorityTarget.AddressOf(discovery, _config.Environment));
        parts.Push(secrets);

        // Read before anything runs: settings that can never work end the start.
        DiscoveryTarget? authority = secrets.NeedsAuthority ? AuthorityTarget.Of(discovery, _config.Environment) : null;
        Envoy.Config.Bootstrap.V3.Bootstrap bootstrap = BootstrapBuilder.Build(
            _config.BootstrapInputs() with
            {
                FileCredentialsExist = secrets.AreFilesOnly,
                CredentialSocketExists = WorkloadSocket.IsAlive(_loop, ControlPlaneNames.CredentialSocketPath),
            });
        IDataPlane dataPlane = startDataPlane(new DataPlaneInputs
        {
            MainLoop = _loop,
            Bootstrap = bootstrap,
            ControlPlane = new DiscoveryChannel(
                DiscoveryTarget.Of(discovery, _config.Environment),
                bootstrap.StaticResources.Clusters.Single(cluster => cluster.Name == ControlPlaneNames.XdsClusterName),
                () => _loop.WallNow),
            Config = _config,
            LocalSources = secrets.Sources,
            OnNameTable = dns is null ? null : dns.Update,
            OnProxyConfig = _config.Environment.Flag(AgentVariables.ProxyConfigXdsAgent, false)
                ? config => secrets.Trust(TrustBundle.Merge([.. config.CaCertificatesPem]))
                : null,
            OnQuit = _loop.PostStop,
        });
        parts.Push(dataPlane);
        if (authority is not null)
        {
            var channel = new DiscoveryChannel(authority, new Cluster { Name = ControlPlaneNames.CaClusterName }, () => _loop.WallNow);

            // In plaintext meshes the crypto library is loaded for none but who wants a certificate.
            secrets.AskOf(new CertificateAuthority(authority, channel, dataPlane), warms: authority.IsTls);
        }

        var termination = new Termination(_loop, dataPlane, TerminationOptions(), _loop.PostStop);
        if (StartStatusServer(dataPlane, dns, secrets, termination) is { } status)
        {
            parts.Push(status);
        }

        parts.Push(ProcessSignals.Register(_loop, PosixSignal.SIGTERM, _ => termination.OnSignal()));
        parts.Push(ProcessSignals.Register(_loop, PosixSignal.SIGINT, _ => termination.OnSignal()));
    }

    private TerminationOptions TerminationOptions() => new()
    {
        DrainDuration = _config.ProxyConfig.TerminationDrainDuration?.ToTimeSpan() ?? TimeSpan.FromSeconds(5),
        WaitForConnections = _config.Environment.Flag(AgentVariables.ExitOnZeroActiveConnections, false),
        MinimumDrainDuration = _config.Environment.Duration(AgentVariables.MinimumDrainDuration, TimeSpan.FromSeconds(5)),
    };

    private StatusServer? StartStatusServer(IDataPlane dataPlane, DnsProxy? dns, AgentSecrets secrets, Termination termination)
    {
        int port = _config.ProxyConfig.StatusPort;
        if (port <= 0)
        {
            return null;
        }

        AgentEnvironment environment = _config.Environment;
        string podIp = _config.Arguments.IpAddresses.Count > 0 ? _config.Arguments.IpAddresses[0] : "localhost";
        var server = new StatusServer(_loop, new StatusServerOptions
        {
            DataPlane = dataPlane,
            Dns = dns,
            WriteSecretMetrics = secrets.WriteMetrics,
            Probes = AppProbeReader.Read(environment.Text(AgentVariables.KubeAppProbers)),
            Scrape = _config.Arguments.Type == "sidecar"
                ? ScrapeConfig.Read(environment.Text(AgentVariables.PrometheusAnnotations), port)
                : null,
            ProbeDestination = environment.Flag(AgentVariables.LegacyLocalhostProbes, false) ? "localhost" : podIp,
            StatusPort = port,
            MergeProxyMetrics = environment.Flag(AgentVariables.MergeEnvoyStats, true),
            MetricsFromLocalhostOnly = environment.Flag(AgentVariables.MetricsLocalhostOnly, false),
            Quit = termination.Quit,
            Drain = termination.Drain,
        });

        // The kubelet dials whichever address the pod has. Without IPv6 on the machine the second one fails, and nobody misses it.
        IoError error = server.Listen(NetAddress.IPv4(0, (ushort)port), out _);
        server.Listen(NetAddress.IPv6(UInt128.Zero, (ushort)port), out _);
        if (error != IoError.None)
        {
            server.Dispose();
            throw new AgentConfigException($"The status port {port} cannot be opened: {error.Describe()}.");
        }

        return server;
    }

    private DnsProxy? StartDns()
    {
        AgentEnvironment environment = _config.Environment;
        bool wanted = environment.Flag(AgentVariables.DnsCapture, false) || environment.Flag(AgentVariables.DnsServer, false);
        if (!wanted || _config.Arguments.Type is not ("sidecar" or "router"))
        {
            return null;
        }

        string address = environment.Text(AgentVariables.DnsProxyAddress, $"localhost:{IstioPorts.DnsProxy}");
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !DecimalText.TryParse(address.AsSpan(colon + 1), out ushort port))
        {
            throw new AgentConfigException($"The DNS address '{address}' must be of the form host:port.");
        }

        bool isMachinesServer = port == DnsPort;
        string file = isMachinesServer && File.Exists(SavedResolvConf) ? SavedResolvConf : ResolvConf;
        ResolverConfig resolver = File.Exists(file) ? ResolverConfig.Parse(File.ReadAllText(file)) : new ResolverConfig([], []);
        var proxy = new DnsProxy(_loop, new DnsProxyOptions
        {
            ProxyNamespace = _config.Arguments.PodNamespace,
            ProxyDomain = _config.Arguments.Domain,
            Resolver = resolver,
            UpstreamTimeout = environment.Duration(AgentVariables.DnsForwardTimeout, TimeSpan.FromSeconds(5)),
            ForwardInParallel = environment.Flag(AgentVariables.DnsForwardParallel, false),
            AnswerBeforeTable = isMachinesServer,
        });
        foreach (NetAddress listen in ListenAddresses(address[..colon].Trim('[', ']'), port, resolver))
        {
            IoError error = proxy.Listen(listen, out _);
            if (error != IoError.None)
            {
                throw new AgentConfigException($"The DNS address {listen} cannot be opened: {error.Describe()}.");
            }
        }

        return proxy;
    }

    /// <summary>"localhost" means the loopback of each family that the pod's own servers have: those queries are captured.</summary>
    private static IEnumerable<NetAddress> ListenAddresses(string host, ushort port, ResolverConfig resolver)
    {
        if (host != "localhost")
        {
            yield return IPAddress.TryParse(host, out IPAddress? ip)
                ? NetAddress.From(ip, port)
                : throw new AgentConfigException($"The DNS address '{host}' is no IP address.");
            yield break;
        }

        bool hasV6 = resolver.Servers.Any(s => s.Kind == AddressFamilyKind.IPv6);
        bool hasV4 = resolver.Servers.Any(s => s.Kind == AddressFamilyKind.IPv4);
        if (hasV4 || !hasV6)
        {
            yield return NetAddress.Loopback(port);
        }

        if (hasV6)
        {
            yield return NetAddress.LoopbackIPv6(port);
        }
    }
}
