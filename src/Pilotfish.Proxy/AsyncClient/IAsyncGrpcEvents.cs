namespace Pilotfish.Proxy.AsyncClient;

/// <summary>The owner of an <see cref="AsyncGrpcStream"/> that takes messages whole.</summary>
internal interface IAsyncGrpcEvents : IAsyncGrpcCallEvents
{
    void OnMessage(ReadOnlySpan<byte> message);
}
