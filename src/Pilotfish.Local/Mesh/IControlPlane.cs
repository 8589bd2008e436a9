using System.Net;

namespace Pilotfish.Local.Mesh;

/// <summary>The control plane as the mesh sees it: something to start before pods and to stop after them.</summary>
internal interface IControlPlane
{
    /// <summary>Returns when it answers.</summary>
    Task StartAsync();

    /// <summary>
    /// Returns when the control plane knows these endpoints and every sidecar has acknowledged what follows from them, or after a
    /// bounded time: then the sidecars follow a little later.
    /// </summary>
    /// <param name="endpoints">Of ready pods.</param>
    /// <param name="proxies">The sidecars that run, as <c>pod.namespace</c>.</param>
    Task SettleAsync(IReadOnlyCollection<IPEndPoint> endpoints, IReadOnlyCollection<string> proxies);

    /// <summary>The same for an address that leaves: returns when no sidecar sends requests to it any more.</summary>
    Task SettleWithoutAsync(IPAddress address, IReadOnlyCollection<string> proxies, CancellationToken stop);

    /// <summary>What it finds wrong with the manifests now, as `file:line:col: message`; null when it does not answer.</summary>
    Task<IReadOnlyList<string>?> ProblemsAsync();

    Task StopAsync();
}
