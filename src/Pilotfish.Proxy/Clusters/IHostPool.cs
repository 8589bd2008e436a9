namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// What one worker keeps for one host (connections of the HTTP pool, TCP connections that must close with the host).
/// Called on the worker's loop.
/// </summary>
public interface IHostPool
{
    /// <summary>The host left its cluster, or the cluster is gone: idle connections close now, active requests finish.</summary>
    void OnHostLeft();

    /// <summary>The host failed its health check or was ejected: idle connections close now, others after their exchanges.</summary>
    void OnHostUnhealthy();

    /// <summary>A connection to the host ended or did not come about; who owned it may not know yet.</summary>
    void OnConnectionGone();
}
