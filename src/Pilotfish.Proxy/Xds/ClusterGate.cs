using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// What comes before a call through a cluster: (1) ask for credentials, (2) put the cluster in place that they come with, (3) wait until it
/// serves (names resolved, secrets there). Main loop.
/// </summary>
internal sealed class ClusterGate
{
    // A resolver gives up sooner. A secret may take longer, and then the next attempt waits on.
    private const long ServingLimitMilliseconds = 15_000;

    private readonly ClusterDirectory _clusters;
    private readonly ClusterReference _cluster;
    private readonly IControlPlane _server;
    private readonly IClusterGateEvents _events;
    private readonly LoopTimer _limit;
    private Action? _waiting;

    public ClusterGate(EventLoop loop, ClusterDirectory clusters, ClusterReference cluster, IControlPlane server, IClusterGateEvents events)
    {
        _clusters = clusters;
        _cluster = cluster;
        _server = server;
        _events = events;
        _limit = new LoopTimer(loop, static state => ((ClusterGate)state!).OnLimit(), this);
    }

    /// <summary>Begins, once. The event may come before this returns.</summary>
    public void Start()
    {
        ControlPlaneCall call = _server.Prepare();
        if (call.Failure is { } failure)
        {
            _events.OnUnusable(failure);
            return;
        }

        if (call.Cluster is { } cluster && Replace(cluster) is { } refusal)
        {
            _events.OnUnusable(refusal);
            return;
        }

        _limit.Schedule(ServingLimitMilliseconds);
        _waiting = () => Pass(call);
        _clusters.WhenServing(_cluster.Name, _waiting);
    }

    /// <summary>No event comes any more. Does nothing after one.</summary>
    public void Cancel()
    {
        _limit.Cancel();
        if (_waiting is { } waiting)
        {
            _waiting = null;
            _clusters.StopWaiting(_cluster.Name, waiting);
        }
    }

    // Returns why it cannot be used, or null. An unchanged cluster stays as it is.
    private string? Replace(Envoy.Config.Cluster.V3.Cluster cluster)
    {
        List<RejectedResource> rejected = [];
        _clusters.Apply([new ResourceUpdate(cluster.Name, cluster.ToByteArray(), "")], [], rejected);
        return rejected.Count > 0 ? $"The cluster '{cluster.Name}' cannot be used: {rejected[0].Reason}" : null;
    }

    private void Pass(ControlPlaneCall call)
    {
        _limit.Cancel();
        _waiting = null;
        if (_cluster.Current is { } state && ClusterHttp.Of(state).PoolProtocolFor(HttpProtocol.Http2) == UpstreamProtocol.Http1)
        {
            _events.OnUnusable($"The cluster '{_cluster.Name}' speaks HTTP/1, over which there is no gRPC; give it http2_protocol_options.");
            return;
        }

        _events.OnServing(call);
    }

    private void OnLimit()
    {
        Cancel();
        _events.OnUnusable(
            $"The cluster '{_cluster.Name}' did not become ready within {ServingLimitMilliseconds / 1000} s: its name does not resolve or its secrets are missing.");
    }
}
