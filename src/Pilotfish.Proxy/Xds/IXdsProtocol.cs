using Google.Protobuf;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One of the two dialects: what to ask for when a stream opens or subscriptions change, and how to answer a response.
/// Does no I/O. Main loop.
/// </summary>
internal interface IXdsProtocol<out TRequest>
    where TRequest : class, IMessage
{
    /// <summary>Which of the two response messages <see cref="DiscoveryResponseReader"/> reads for it.</summary>
    bool IsDelta { get; }

    /// <summary>The requests of a new stream; the first carries the node.</summary>
    IReadOnlyList<TRequest> OnOpen();

    /// <summary>The requests that tell changed subscriptions.</summary>
    IReadOnlyList<TRequest> TakeChanges();

    /// <summary>Applies a response and returns the acknowledgement, refusing by name what could not be applied.</summary>
    TRequest OnResponse(DiscoveryArrival response);

    /// <summary>The stream ended; what is held stays.</summary>
    void OnClosed();
}
