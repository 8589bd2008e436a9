using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Discovery;

/// <summary>Where the control plane is and how the agent proves who it is, from ProxyConfig and environment.</summary>
public sealed record DiscoveryTarget
{
    // VMs keep provisioned files there; Istio's agent looks in the same order.
    private const string ProvisionedRoot = "./etc/certs/root-cert.pem";
    private const string RootFileName = "root-cert.pem";

    public required string Address { get; init; }

    public required bool IsTls { get; init; }

    /// <summary>The name that the server's certificate must carry.</summary>
    public required string ServerName { get; init; }

    /// <summary>The file with the roots to trust; "SYSTEM" for the host's own.</summary>
    public string RootFile { get; init; } = ControlPlaneNames.RootCertificatePath;

    public string TokenFile { get; init; } = ControlPlaneNames.ServiceAccountTokenPath;

    /// <summary>The directory with a provisioned cert-chain.pem and key.pem to show; empty without any (PROV_CERT).</summary>
    public string CertificateDirectory { get; init; } = "";

    public string ClusterId { get; init; } = "Kubernetes";

    public IReadOnlyDictionary<string, string> ExtraHeaders { get; init; } = new Dictionary<string, string>();

    public static DiscoveryTarget Of(string discoveryAddress, AgentEnvironment environment)
    {
        int colon = discoveryAddress.LastIndexOf(':');
        string host = colon > 0 ? discoveryAddress[..colon] : discoveryAddress;

        // The port alone tells, as in Istio: 15010 is the plaintext port of every istiod.
        bool isTls = !discoveryAddress.EndsWith($":{IstioPorts.DiscoveryPlaintext}", StringComparison.Ordinal);
        return new DiscoveryTarget
        {
            Address = colon > 0 ? discoveryAddress : $"{discoveryAddress}:{IstioPorts.DiscoveryTls}",
            IsTls = isTls,
            ServerName = environment.Text(AgentVariables.IstiodSan, host == "localhost" ? "istiod.istio-system.svc" : host),
            RootFile = FindRoot(environment),
            TokenFile = environment.Text(AgentVariables.JwtPolicy) == "first-party-jwt"
                ? ControlPlaneNames.KubernetesTokenPath
                : ControlPlaneNames.ServiceAccountTokenPath,
            CertificateDirectory = environment.Text(AgentVariables.ProvisionedCertificates),
            ClusterId = environment.Text(AgentVariables.ClusterId, "Kubernetes"),
            ExtraHeaders = environment.Variables
                .Where(v => v.Key.StartsWith(AgentVariables.XdsHeaderPrefix, StringComparison.Ordinal))
                .ToDictionary(v => v.Key[AgentVariables.XdsHeaderPrefix.Length..].ToLowerInvariant(), v => v.Value),
        };
    }

    private static string FindRoot(AgentEnvironment environment)
    {
        string given = environment.Text(AgentVariables.XdsRootCa);
        if (given.Length > 0)
        {
            return given;
        }

        string provisioned = environment.Text(AgentVariables.ProvisionedCertificates);
        if (File.Exists(ProvisionedRoot))
        {
            return ProvisionedRoot;
        }

        return provisioned.Length > 0 ? Path.Combine(provisioned, RootFileName) : ControlPlaneNames.RootCertificatePath;
    }
}
