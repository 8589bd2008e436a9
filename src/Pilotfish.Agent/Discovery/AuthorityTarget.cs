using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// Where the authority is that signs the workload's certificate, and how the agent proves who it is (istio pkg/istio-agent/plugins.go and
/// agent.go, FindRootCAForCA): the control plane itself, unless CA_ADDR names another server.
/// </summary>
internal static class AuthorityTarget
{
    private const string CustomProvider = "custom";
    private const string NoProvider = "none";

    // Certificates are asked for twice a day; a connection in between would only be kept alive.
    private const int IdleSeconds = 10;

    public static string AddressOf(string discoveryAddress, AgentEnvironment environment) =>
        environment.Text(AgentVariables.CaAddress, discoveryAddress);

    /// <exception cref="AgentConfigException">No root could ever be known.</exception>
    public static DiscoveryTarget Of(string discoveryAddress, AgentEnvironment environment)
    {
        string given = AddressOf(discoveryAddress, environment);
        (string address, string host) = DiscoveryTarget.Split(given);
        bool isTls = DiscoveryTarget.IsTlsAddress(given);

        // Istio's rule: the other name is the control plane's, which counts here where the control plane is asked.
        bool isControlPlane = environment.Text(AgentVariables.CaAddress).Length == 0;
        string name = DiscoveryTarget.NameOf(host);
        return new DiscoveryTarget
        {
            ServerKind = "certificate authority",
            RootSetting = AgentVariables.CaRootCa,
            NameSetting = isControlPlane ? $"set {AgentVariables.IstiodSan} to one" : $"put one into {AgentVariables.CaAddress}",
            Address = address,
            IsTls = isTls,
            ServerName = isControlPlane ? environment.Text(AgentVariables.IstiodSan, name) : name,
            RootFile = isTls ? FindRoot(environment) : "",
            Certificate = DiscoveryTarget.Provisioned(environment),

            // As Istio's: whoever dials 15010 has said that the network may see it.
            SendsTokenInClear = true,
            IdleSeconds = IdleSeconds,
            ClusterId = environment.Text(AgentVariables.ClusterId, "Kubernetes"),
            ExtraHeaders = DiscoveryTarget.Headers(environment, AgentVariables.CaHeaderPrefix),
        };
    }

    private static string FindRoot(AgentEnvironment environment)
    {
        string given = environment.Text(AgentVariables.CaRootCa);
        if (given.Length > 0)
        {
            return given;
        }

        string provider = environment.Text(AgentVariables.PilotCertProvider);
        if (provider == CustomProvider)
        {
            return DiscoveryTarget.ProvisionedRoot;
        }

        if (DiscoveryTarget.ProvisionedRoots(environment) is { } provisioned)
        {
            return provisioned;
        }

        return provider != NoProvider
            ? ControlPlaneNames.RootCertificatePath
            : throw new AgentConfigException("root CA file for CA required but configured provider as none");
    }
}
