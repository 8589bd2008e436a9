using System.Text;
using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One stream through a cluster: (1) ask for credentials, (2) put the cluster in place that they come with, (3) wait until it serves
/// (names resolved, secrets there), (4) call. Main loop.
/// </summary>
internal sealed class ClusterCall : IXdsCall, IAsyncGrpcPartEvents
{
    // A push of a large mesh is tens of megabytes in one message, of which little is held; beyond this a control plane is at fault.
    private const int MessageBytesMax = 256 * 1024 * 1024;

    // A resolver gives up sooner. A secret may take longer, and then the next attempt waits on.
    private const long ServingLimitMilliseconds = 15_000;

    private readonly Worker _main;
    private readonly ClusterDirectory _clusters;
    private readonly ClusterReference _cluster;
    private readonly IControlPlane _controlPlane;
    private readonly GrpcMethod _method;
    private readonly IXdsCallEvents _events;
    private readonly LoopTimer _limit;
    private Action? _waiting;
    private AsyncGrpcStream? _stream;
    private bool _isOver;

    public ClusterCall(
        Worker main, ClusterDirectory clusters, ClusterReference cluster, IControlPlane controlPlane, GrpcMethod method, IXdsCallEvents events)
    {
        _main = main;
        _clusters = clusters;
        _cluster = cluster;
        _controlPlane = controlPlane;
        _method = method;
        _events = events;
        _limit = new LoopTimer(main.Loop, static state => ((ClusterCall)state!).OnLimit(), this);
    }

    public void Start()
    {
        ControlPlaneCall call = _controlPlane.Prepare();
        if (call.Failure is { } failure)
        {
            Fail(failure);
            return;
        }

        if (call.Cluster is { } cluster && Replace(cluster) is { } refusal)
        {
            Fail(refusal);
            return;
        }

        _limit.Schedule(ServingLimitMilliseconds);
        _waiting = () => Open(call);
        _clusters.WhenServing(_cluster.Name, _waiting);
    }

    public bool TrySend(IMessage message) => _stream is { } stream && stream.TrySend(message, end: false);

    public void Cancel()
    {
        StopWaiting();
        _isOver = true;
        _stream?.Cancel();
    }

    public void OnInitialMetadata(HeaderMap headers)
    {
    }

    public void OnMessagePart(ReadOnlySpan<byte> part, bool end) => _events.OnResponsePart(part, end);

    public void OnWritable() => _events.OnWritable();

    public void OnEnd(in GrpcEnd end)
    {
        _isOver = true;
        _events.OnEnd(in end);
    }

    // Returns why it cannot be used, or null. An unchanged cluster stays as it is.
    private string? Replace(Envoy.Config.Cluster.V3.Cluster cluster)
    {
        List<RejectedResource> rejected = [];
        _clusters.Apply([new ResourceUpdate(cluster.Name, cluster.ToByteArray(), "")], [], rejected);
        return rejected.Count > 0 ? $"The cluster '{cluster.Name}' cannot be used: {rejected[0].Reason}" : null;
    }

    private void StopWaiting()
    {
        _limit.Cancel();
        if (_waiting is { } waiting)
        {
            _waiting = null;
            _clusters.StopWaiting(_cluster.Name, waiting);
        }
    }

    private void Open(ControlPlaneCall call)
    {
        _limit.Cancel();
        _waiting = null;
        if (_cluster.Current is { } state && ClusterHttp.Of(state).PoolProtocolFor(HttpProtocol.Http2) == UpstreamProtocol.Http1)
        {
            Fail($"The cluster '{_cluster.Name}' speaks HTTP/1, over which there is no gRPC; give it http2_protocol_options.");
            return;
        }

        AsyncGrpcOptions options = new() { Authority = call.Authority, MessageBytesMax = MessageBytesMax };
        HeaderMap metadata = new();
        foreach ((string name, string value) in call.Headers)
        {
            metadata.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        _stream = new AsyncGrpcStream(_main, _cluster, _method, options, this);
        _stream.Start(metadata);
        if (!_isOver)
        {
            _events.OnOpened();
        }
    }

    private void OnLimit()
    {
        StopWaiting();
        Fail($"The cluster '{_cluster.Name}' did not become ready within {ServingLimitMilliseconds / 1000} s: its name does not resolve or its secrets are missing.");
    }

    private void Fail(string problem) => OnEnd(new GrpcEnd(GrpcStatusCode.Unavailable, problem, AsyncFailureKind.UnknownCluster));
}
