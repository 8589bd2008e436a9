using System.Net;
using System.Net.NetworkInformation;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Commands;

/// <summary>What <c>proxy TYPE [flags]</c> asks for, with the defaults that depend on the environment filled in.</summary>
public sealed record ProxyArguments
{
    private static readonly string[] s_types = ["sidecar", "router", "waypoint", "ztunnel", "agentgateway"];

    public string Type { get; private init; } = "sidecar";

    public string PodName { get; private init; } = "";

    public string PodNamespace { get; private init; } = "";

    public string Domain { get; private init; } = "";

    public IReadOnlyList<string> IpAddresses { get; private init; } = [];

    public string MeshConfigFile { get; private init; } = "";

    public string ServiceCluster { get; private init; } = "";

    public string LogLevel { get; private init; } = "";

    public string ComponentLogLevel { get; private init; } = "";

    public string OutlierLogPath { get; private init; } = "";

    public int Concurrency { get; private init; }

    public int StsPort { get; private init; }

    public bool LogAsJson { get; private init; }

    /// <summary>Print the bootstrap and end; our own flag.</summary>
    public bool PrintBootstrap { get; private init; }

    /// <summary>type~ip~pod.namespace~domain, the node's id towards the control plane.</summary>
    public string NodeId => $"{Type}~{(IpAddresses.Count > 0 ? IpAddresses[0] : "")}~{PodName}.{PodNamespace}~{Domain}";

    /// <summary>Null and a sentence where the arguments cannot be used.</summary>
    public static ProxyArguments? Parse(IReadOnlyList<string> args, AgentEnvironment environment, out string problem)
    {
        FlagSet flags = Flags();
        problem = flags.Parse(args, tolerateUnknown: true) ?? "";
        if (problem.Length > 0
            || !flags.TryGetNumber("concurrency", out int concurrency, out problem)
            || !flags.TryGetNumber("stsPort", out int stsPort, out problem))
        {
            return null;
        }

        string type = flags.Arguments.Count > 0 ? flags.Arguments[0] : "sidecar";
        if (!s_types.Contains(type))
        {
            problem = $"invalid proxy Type: {type}";
            return null;
        }

        string ns = environment.Text(AgentVariables.PodNamespace);
        string domain = flags.GetText("domain");
        return new ProxyArguments
        {
            Type = type,
            PodName = environment.Text(AgentVariables.PodName),
            PodNamespace = ns,
            Domain = domain.Length > 0 ? domain : $"{ns}.svc.{ServiceHostname.DefaultDomain}",
            IpAddresses = Addresses(environment.Text(AgentVariables.InstanceIp)),
            MeshConfigFile = flags.GetText("meshConfig"),
            ServiceCluster = flags.GetText("serviceCluster"),
            LogLevel = flags.GetText("proxyLogLevel"),
            ComponentLogLevel = flags.GetText("proxyComponentLogLevel"),
            OutlierLogPath = flags.GetText("outlierLogPath"),
            Concurrency = concurrency,
            StsPort = stsPort,
            LogAsJson = flags.GetBoolean("log_as_json"),
            PrintBootstrap = flags.GetBoolean("print-bootstrap"),
        };
    }

    private static FlagSet Flags() => new FlagSet()
        .Text("domain")
        .Text("meshConfig", ControlPlaneNames.MeshConfigPath)
        .Number("stsPort", 0)
        .Text("tokenManagerPlugin")
        .Text("serviceCluster", "istio-proxy")
        .Text("proxyLogLevel", "warning")
        .Text("proxyComponentLogLevel")
        .Number("concurrency", 0)
        .Text("templateFile")
        .Text("outlierLogPath")
        .Boolean("profiling", true)
        .Text("log_output_level")
        .Text("log_caller")
        .Text("log_target")
        .Text("log_stacktrace_level")
        .Boolean("log_as_json", false)
        .Text("vklog")
        .Boolean("print-bootstrap", false);

    /// <summary>The pod's address first, then every other one of its interfaces that a peer can reach.</summary>
    private static List<string> Addresses(string instanceIp)
    {
        var addresses = new List<string>();
        if (IPAddress.TryParse(instanceIp, out IPAddress? given))
        {
            addresses.Add(given.ToString());
        }

        foreach (NetworkInterface link in NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (UnicastIPAddressInformation unicast in link.GetIPProperties().UnicastAddresses)
            {
                IPAddress address = unicast.Address;
                bool isLinkLocal = address.IsIPv6LinkLocal || address.ToString().StartsWith("169.254.", StringComparison.Ordinal);
                if (!IPAddress.IsLoopback(address) && !isLinkLocal && !addresses.Contains(address.ToString()))
                {
                    addresses.Add(address.ToString());
                }
            }
        }

        return addresses.Count > 0 ? addresses : ["127.0.0.1", "::1"];
    }
}
