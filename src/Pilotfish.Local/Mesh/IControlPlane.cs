using System.Net;

namespace Pilotfish.Local.Mesh;

/// <summary>The control plane as the mesh sees it: something to start before pods and to stop after them.</summary>
internal interface IControlPlane
{
    /// <summary>Returns when it answers.</summary>
    Task StartAsync();

    /// <summary>
    /// Returns when the control plane knows these endpoints and every sidecar has acknowledged what it was sent, or after a bounded
    /// time: then the sidecars follow a little later.
    /// </summary>
    Task SettleAsync(IReadOnlyCollection<IPEndPoint> endpoints);

    /// <summary>What it finds wrong with the manifests now, as `file:line:col: message`; null when it does not answer.</summary>
    Task<IReadOnlyList<string>?> ProblemsAsync();

    Task StopAsync();
}
