using System.Threading.Channels;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>A control plane in memory that a test drives: it sees requests and sends responses, ends and refuses streams.</summary>
internal sealed class ScriptedControlPlane : CallInvoker, IControlPlane
{
    private Channel<DeltaDiscoveryResponse> _responses = Channel.CreateUnbounded<DeltaDiscoveryResponse>();

    public List<DeltaDiscoveryRequest> Requests { get; } = [];

    public int Streams { get; private set; }

    public bool Refuses { get; set; }

    public string Name => "scripted";

    public ValueTask<ControlPlaneCall> PrepareAsync(CancellationToken cancellation) =>
        Refuses
            ? throw new RpcException(new Status(StatusCode.Unavailable, "refused by the script"))
            : ValueTask.FromResult(new ControlPlaneCall(this, []));

    public void Send(DeltaDiscoveryResponse response) => _responses.Writer.TryWrite(response);

    public void EndStream() => _responses.Writer.TryComplete();

    public void Dispose() => EndStream();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        Streams++;
        _responses = Channel.CreateUnbounded<DeltaDiscoveryResponse>();
        return (AsyncDuplexStreamingCall<TRequest, TResponse>)(object)new AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(
            new Writer(Requests),
            new Reader(_responses.Reader),
            Task.FromResult(new Metadata()),
            static () => Status.DefaultSuccess,
            static () => [],
            static () => { });
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    private sealed class Writer(List<DeltaDiscoveryRequest> requests) : IClientStreamWriter<DeltaDiscoveryRequest>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(DeltaDiscoveryRequest message)
        {
            requests.Add(message);
            return Task.CompletedTask;
        }

        public Task CompleteAsync() => Task.CompletedTask;
    }

    private sealed class Reader(ChannelReader<DeltaDiscoveryResponse> responses) : IAsyncStreamReader<DeltaDiscoveryResponse>
    {
        public DeltaDiscoveryResponse Current { get; private set; } = new();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await responses.WaitToReadAsync(cancellationToken))
            {
                return false;
            }

            bool read = responses.TryRead(out DeltaDiscoveryResponse? response);
            Current = response ?? Current;
            return read;
        }
    }
}
