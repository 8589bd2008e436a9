namespace Pilotfish.Proxy.Clusters;

/// <summary>A connection that ends with its host's health (close_connections_on_host_health_failure). Its worker's loop only.</summary>
internal interface IHostUser
{
    Host Host { get; }

    /// <summary>The host failed its check or was ejected.</summary>
    void OnHostFailed();
}
