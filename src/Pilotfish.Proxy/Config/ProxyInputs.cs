using Envoy.Config.Bootstrap.V3;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Config;

/// <summary>Everything a data plane is built from.</summary>
public sealed record ProxyInputs
{
    public required ServeOptions Options { get; init; }

    public required Bootstrap Bootstrap { get; init; }

    /// <summary>The loop of configuration; the caller runs it.</summary>
    public required EventLoop MainLoop { get; init; }

    /// <summary>Credentials for the ADS control plane, and its cluster; null takes what the bootstrap says.</summary>
    public IControlPlane? ControlPlane { get; init; }

    /// <summary>Resources known in this process, by the cluster that a config source would ask (the agent's sds-grpc).</summary>
    public IReadOnlyDictionary<string, ISubscriptions> LocalSources { get; init; } = new Dictionary<string, ISubscriptions>();

    /// <summary>Adds or replaces extensions before config compiles.</summary>
    public Action<ExtensionRegistry>? Extensions { get; init; }
}
