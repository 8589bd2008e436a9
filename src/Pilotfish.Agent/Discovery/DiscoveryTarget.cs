using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// Where the control plane is and how the agent proves who it is, from ProxyConfig and environment. The authority that signs certificates
/// is described in the same way (see <see cref="AuthorityTarget"/>).
/// </summary>
public sealed record DiscoveryTarget
{
    // VMs keep provisioned files there; Istio's agent looks in the same order.
    internal const string ProvisionedRoot = "./etc/certs/root-cert.pem";
    private const string RootFileName = "root-cert.pem";

    /// <summary>What the server is called in messages.</summary>
    public string ServerKind { get; init; } = "control plane";

    /// <summary>The variable that names other roots.</summary>
    public string RootSetting { get; init; } = AgentVariables.XdsRootCa;

    /// <summary>What to do when the server's certificate has other names, as a command.</summary>
    public string NameSetting { get; init; } = $"set {AgentVariables.IstiodSan} to one";

    public required string Address { get; init; }

    public required bool IsTls { get; init; }

    /// <summary>The name that the server's certificate must carry.</summary>
    public required string ServerName { get; init; }

    /// <summary>The file with the roots to trust; "SYSTEM" for the host's own.</summary>
    public string RootFile { get; init; } = ControlPlaneNames.RootCertificatePath;

    public string TokenFile { get; init; } = ControlPlaneNames.ServiceAccountTokenPath;

    /// <summary>Whether the token is sent over plaintext, too.</summary>
    public bool SendsTokenInClear { get; init; }

    /// <summary>Files of a provisioned certificate and its key to show; null without any (PROV_CERT, FILE_MOUNTED_CERTS).</summary>
    public (string Chain, string Key)? Certificate { get; init; }

    /// <summary>When a connection without calls closes, in seconds; 0 = after an hour.</summary>
    public int IdleSeconds { get; init; }

    public string ClusterId { get; init; } = "Kubernetes";

    public IReadOnlyDictionary<string, string> ExtraHeaders { get; init; } = new Dictionary<string, string>();

    public static DiscoveryTarget Of(string discoveryAddress, AgentEnvironment environment)
    {
        (string address, string host) = Split(discoveryAddress);
        return new DiscoveryTarget
        {
            Address = address,
            IsTls = IsTlsAddress(discoveryAddress),
            ServerName = environment.Text(AgentVariables.IstiodSan, NameOf(host)),
            RootFile = FindRoot(environment),
            Certificate = Provisioned(environment) ?? Mounted(environment),
            ClusterId = environment.Text(AgentVariables.ClusterId, "Kubernetes"),
            ExtraHeaders = Headers(environment, AgentVariables.XdsHeaderPrefix),
        };
    }

    /// <summary>The address with its port, and its host.</summary>
    internal static (string Address, string Host) Split(string address)
    {
        int colon = address.LastIndexOf(':');
        return colon > 0 ? (address, address[..colon]) : ($"{address}:{IstioPorts.DiscoveryTls}", address);
    }

    // The port alone tells, as in Istio: 15010 is the plaintext port of every istiod.
    internal static bool IsTlsAddress(string address) => !address.EndsWith($":{IstioPorts.DiscoveryPlaintext}", StringComparison.Ordinal);

    // A port that is forwarded to this machine for debugging.
    internal static string NameOf(string host) => host == "localhost" ? "istiod.istio-system.svc" : host;

    /// <summary>The certificate in the directory PROV_CERT, which a machine outside the cluster was given.</summary>
    internal static (string Chain, string Key)? Provisioned(AgentEnvironment environment)
    {
        string directory = environment.Text(AgentVariables.ProvisionedCertificates);
        return directory.Length == 0 ? null : (Path.Combine(directory, "cert-chain.pem"), Path.Combine(directory, "key.pem"));
    }

    /// <summary>The roots in the directory PROV_CERT; null without one.</summary>
    internal static string? ProvisionedRoots(AgentEnvironment environment)
    {
        string directory = environment.Text(AgentVariables.ProvisionedCertificates);
        return directory.Length == 0 ? null : Path.Combine(directory, RootFileName);
    }

    internal static Dictionary<string, string> Headers(AgentEnvironment environment, string prefix) => environment.Variables
        .Where(v => v.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(v => v.Key[prefix.Length..].ToLowerInvariant(), v => v.Value);

    // Where a foreign authority's files are mounted, the proxy's metadata names those to show.
    private static (string Chain, string Key)? Mounted(AgentEnvironment environment)
    {
        string chain = environment.Text(AgentVariables.TlsClientCertificate);
        string key = environment.Text(AgentVariables.TlsClientKey);
        return environment.Flag(AgentVariables.FileMountedCertificates, false) && chain.Length > 0 && key.Length > 0 ? (chain, key) : null;
    }

    private static string FindRoot(AgentEnvironment environment)
    {
        string given = environment.Text(AgentVariables.XdsRootCa);
        if (given.Length > 0)
        {
            return given;
        }

        if (File.Exists(ProvisionedRoot))
        {
            return ProvisionedRoot;
        }

        if (ProvisionedRoots(environment) is { } provisioned)
        {
            return provisioned;
        }

        return environment.Flag(AgentVariables.FileMountedCertificates, false)
            ? environment.Text(AgentVariables.TlsClientRoots, ControlPlaneNames.RootCertificatePath)
            : ControlPlaneNames.RootCertificatePath;
    }
}
