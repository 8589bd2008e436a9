using Pilotfish.Proxy.Clusters.OnDemand;

namespace Pilotfish.Proxy.Tcp;

/// <content>A cluster that does not exist and is asked for; the client is not read meanwhile.</content>
internal sealed partial class TcpSession : IClusterWaiter
{
    private TaskCompletionSource<ClusterDiscoveryStatus>? _discovery;

    public void OnCluster(ClusterDiscoveryStatus status) => _discovery?.TrySetResult(status);

    /// <summary>Waits for the answer; false when the connection is over.</summary>
    private async ValueTask<bool> DiscoverAsync(TcpOnDemand onDemand, string name)
    {
        _worker.Stats.Add(onDemand.Attempt);
        var discovery = _discovery = new TaskCompletionSource<ClusterDiscoveryStatus>();
        _downstream.Stream.PeerCloseObserver = this;
        onDemand.Clusters.PostDemand(name, _worker.Loop, this);
        ClusterDiscoveryStatus status = await discovery.Task;
        _discovery = null;
        _downstream.Stream.PeerCloseObserver = null;
        if (IsClientGone)
        {
            onDemand.Clusters.PostCancel(name, this);
            return false;
        }

        _worker.Stats.Add(status switch
        {
            ClusterDiscoveryStatus.Available => onDemand.Success,
            ClusterDiscoveryStatus.Timeout => onDemand.Timeout,
            _ => onDemand.Missing,
        });
        return true;
    }
}
