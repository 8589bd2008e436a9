using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Xds;

/// <summary>One stream through a cluster, opened when its <see cref="ClusterGate"/> lets it pass. Main loop.</summary>
internal sealed class ClusterCall : IXdsCall, IClusterGateEvents, IAsyncGrpcPartEvents
{
    // A push of a large mesh is tens of megabytes in one message, of which little is held; beyond this a control plane is at fault.
    private const int MessageBytesMax = 256 * 1024 * 1024;

    private readonly Worker _main;
    private readonly ClusterReference _cluster;
    private readonly GrpcMethod _method;
    private readonly IXdsCallEvents _events;
    private readonly ClusterGate _gate;
    private AsyncGrpcStream? _stream;
    private bool _isOver;

    public ClusterCall(
        Worker main, ClusterDirectory clusters, ClusterReference cluster, IControlPlane controlPlane, GrpcMethod method, IXdsCallEvents events)
    {
        _main = main;
        _cluster = cluster;
        _method = method;
        _events = events;
        _gate = new ClusterGate(main.Loop, clusters, cluster, controlPlane, this);
    }

    public void Start() => _gate.Start();

    public bool TrySend(IMessage message) => _stream is { } stream && stream.TrySend(message, end: false);

    public void Cancel()
    {
        _gate.Cancel();
        _isOver = true;
        _stream?.Cancel();
    }

    public void OnServing(ControlPlaneCall call)
    {
        AsyncGrpcOptions options = new() { Authority = call.Authority, MessageBytesMax = MessageBytesMax };
        _stream = new AsyncGrpcStream(_main, _cluster, _method, options, this);
        _stream.Start(call.Metadata());
        if (!_isOver)
        {
            _events.OnOpened();
        }
    }

    public void OnUnusable(string problem) => OnEnd(new GrpcEnd(GrpcStatusCode.Unavailable, problem, AsyncFailureKind.UnknownCluster));

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
}
