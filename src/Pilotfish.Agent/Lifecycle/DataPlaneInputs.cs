using Istio.Mesh.V1Alpha1;
using Istio.Networking.Nds.V1;
using Pilotfish.Agent.Commands;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using BootstrapMessage = Envoy.Config.Bootstrap.V3.Bootstrap;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>What the agent gives to the data plane that it starts.</summary>
public sealed record DataPlaneInputs
{
    public required EventLoop MainLoop { get; init; }

    public required BootstrapMessage Bootstrap { get; init; }

    /// <summary>Where and with what its xDS stream reaches the control plane: in one process there is no socket in between.</summary>
    public required IControlPlane ControlPlane { get; init; }

    public required AgentConfig Config { get; init; }

    /// <summary>Secrets that the agent itself serves, by the cluster that the configuration would ask for them.</summary>
    public IReadOnlyDictionary<string, ISubscriptions> LocalSources { get; init; } = new Dictionary<string, ISubscriptions>();

    /// <summary>Takes the mesh's names whenever the control plane sends them; null without DNS proxy, then nobody asks for them.</summary>
    public Action<NameTable>? OnNameTable { get; init; }

    /// <summary>Takes the mesh's further roots whenever the control plane sends them; null unless the agent is told to ask for them.</summary>
    public Action<ProxyConfig>? OnProxyConfig { get; init; }

    /// <summary>The admin port's own /quitquitquit: ends the process.</summary>
    public required Action OnQuit { get; init; }
}
