using Grpc.Core;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One gRPC stream from open to end. All its code runs on the main loop: each await of gRPC's tasks comes back through the
/// loop's synchronization context. A response is applied and answered before the next one is read, which is the back-pressure
/// towards the control plane.
/// </summary>
internal sealed class XdsStream<TRequest, TResponse>(IXdsProtocol<TRequest, TResponse> protocol, Action onResponse)
    where TRequest : class
    where TResponse : class
{
    private readonly Queue<TRequest> _queue = new();
    private IClientStreamWriter<TRequest>? _writer;
    private bool _writing;

    /// <summary>Runs until the server ends the stream or it fails; throws RpcException for a failure.</summary>
    public async Task RunAsync(
        Method<TRequest, TResponse> method, ControlPlaneCall target, Action onOpened, CancellationToken cancellation)
    {
        CallOptions options = new(target.Headers, cancellationToken: cancellation);
        using AsyncDuplexStreamingCall<TRequest, TResponse> call =
            target.Invoker.AsyncDuplexStreamingCall(method, null, options);
        _writer = call.RequestStream;
        try
        {
            Send(protocol.OnOpen());
            onOpened();
            while (await call.ResponseStream.MoveNext(cancellation))
            {
                onResponse();
                TRequest? answer = protocol.OnResponse(call.ResponseStream.Current);
                if (answer is not null)
                {
                    Enqueue(answer);
                }
            }
        }
        finally
        {
            _writer = null;
            _queue.Clear();
            protocol.OnClosed();
        }
    }

    /// <summary>Subscriptions changed: tells the control plane, if a stream is open.</summary>
    public void SendChanges()
    {
        if (_writer is not null)
        {
            Send(protocol.TakeChanges());
        }
    }

    private void Send(List<TRequest> requests)
    {
        foreach (TRequest request in requests)
        {
            Enqueue(request);
        }
    }

    private void Enqueue(TRequest request)
    {
        _queue.Enqueue(request);
        if (!_writing)
        {
            _ = WriteQueuedAsync();
        }
    }

    private async Task WriteQueuedAsync()
    {
        _writing = true;
        try
        {
            while (_writer is { } writer && _queue.TryDequeue(out TRequest? request))
            {
                await writer.WriteAsync(request);
            }
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The reading side of the same call ends with the cause; there it is reported.
        }
        finally
        {
            _writing = false;
        }
    }
}
