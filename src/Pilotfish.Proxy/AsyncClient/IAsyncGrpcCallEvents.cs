using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// What the owner of an <see cref="AsyncGrpcStream"/> hears besides messages, on its worker's loop. <see cref="OnEnd"/> is the last event
/// and comes exactly once, unless the owner cancels. Maps and spans are valid during the call.
/// </summary>
internal interface IAsyncGrpcCallEvents
{
    /// <summary>The response's head; not told when the head is the whole response.</summary>
    void OnInitialMetadata(HeaderMap headers);

    void OnEnd(in GrpcEnd end);

    /// <summary>After a refused <see cref="AsyncGrpcStream.TrySend(ReadOnlySpan{byte}, bool)"/>: there is room again.</summary>
    void OnWritable();
}
