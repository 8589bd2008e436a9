using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>A unary call of the agent's own, made when its <see cref="ClusterGate"/> lets it pass. Main loop.</summary>
internal sealed class UnaryCall(
    Worker main, ClusterDirectory clusters, ClusterReference cluster, UnaryCallRequest request, IUnaryCallEvents events)
    : IClusterGateEvents, IAsyncGrpcRequestEvents, IDisposable
{
    private ClusterGate? _gate;
    private AsyncGrpcRequest? _call;
    private bool _isOver;

    /// <summary>Begins, once. The event may come before this returns.</summary>
    /// <param name="server">Credentials, and the cluster itself.</param>
    public void Start(IControlPlane server)
    {
        _gate = new ClusterGate(main.Loop, clusters, cluster, server, this);
        _gate.Start();
    }

    public void OnServing(ControlPlaneCall call)
    {
        AsyncGrpcOptions options = new()
        {
            Authority = call.Authority,
            DeadlineMilliseconds = request.DeadlineMilliseconds,
            MessageBytesMax = request.MessageBytesMax,
        };
        _call = new AsyncGrpcRequest(main, cluster, new GrpcMethod(request.Service, request.Method), options, this);
        _call.Start(request.Message, call.Metadata());
    }

    public void OnUnusable(string problem) => Fail(new UnaryFailure(GrpcStatusCode.Unavailable, problem.TrimEnd('.'), null));

    public void OnResponse(ReadOnlySpan<byte> message)
    {
        if (!_isOver)
        {
            _isOver = true;
            events.OnResponse(message);
        }
    }

    public void OnFailure(in GrpcEnd end) => Fail(new UnaryFailure(end.Status, XdsEndText.Reason(in end), end.TransportFailure));

    /// <summary>Gives it up without an event. Does nothing after the end.</summary>
    public void Dispose()
    {
        if (!_isOver)
        {
            _isOver = true;
            _gate?.Cancel();
            _call?.Cancel();
        }
    }

    private void Fail(in UnaryFailure failure)
    {
        if (!_isOver)
        {
            _isOver = true;
            events.OnFailure(in failure);
        }
    }
}
