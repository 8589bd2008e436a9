namespace Pilotfish.Local.Mesh;

/// <summary>The control plane as the mesh sees it: something to start before pods and to stop after them.</summary>
internal interface IControlPlane
{
    /// <summary>Returns when it answers.</summary>
    Task StartAsync();

    Task StopAsync();
}
