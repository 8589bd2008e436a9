using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>A unary gRPC call of the proxy's own: one message out, one answer. One worker's loop only.</summary>
internal sealed class AsyncGrpcRequest : IAsyncGrpcEvents
{
    private readonly Worker _worker;
    private readonly AsyncGrpcStream _stream;
    private readonly IAsyncGrpcRequestEvents _events;
    private BodyBuffer _response;
    private int _messages;

    public AsyncGrpcRequest(
        Worker worker, ClusterReference cluster, GrpcMethod method, AsyncGrpcOptions options, IAsyncGrpcRequestEvents events)
    {
        _worker = worker;
        _events = events;
        _stream = new AsyncGrpcStream(worker, cluster, method, options, this);
    }

    /// <summary>Sends the request, once. The answer may come before this returns.</summary>
    /// <param name="message">Serialized before this returns.</param>
    /// <param name="metadata">Added to the request's head; null = none.</param>
    public void Start(IMessage message, IHeaderReader? metadata = null)
    {
        _stream.Start(metadata);
        _stream.TrySend(message, end: true);
    }

    /// <summary>Gives it up; no answer comes.</summary>
    public void Cancel()
    {
        _stream.Cancel();
        _response.Release();
    }

    public void OnInitialMetadata(HeaderMap headers)
    {
    }

    public void OnMessage(ReadOnlySpan<byte> message)
    {
        if (++_messages == 1)
        {
            _response.Append(_worker.Loop.Buffers, message);
            return;
        }

        Cancel();
        _events.OnFailure(Malformed("The server sent more than one message."));
    }

    public void OnEnd(in GrpcEnd end)
    {
        if (end.Status != GrpcStatusCode.Ok)
        {
            _events.OnFailure(in end);
        }
        else if (_messages == 0)
        {
            _events.OnFailure(Malformed("The server sent no message."));
        }
        else
        {
            _events.OnResponse(_response.Span);
        }

        _response.Release();
    }

    public void OnWritable()
    {
    }

    private static GrpcEnd Malformed(string message) => new(GrpcStatusCode.Internal, message, AsyncFailureKind.InvalidResponse);
}
