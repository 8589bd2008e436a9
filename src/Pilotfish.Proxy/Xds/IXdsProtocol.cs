namespace Pilotfish.Proxy.Xds;

/// <summary>
/// One of the two dialects: what to ask for when a stream opens or subscriptions change, and how to answer a response.
/// Does no I/O. Main loop.
/// </summary>
internal interface IXdsProtocol<TRequest, TResponse>
{
    /// <summary>The requests of a new stream; the first carries the node.</summary>
    List<TRequest> OnOpen();

    /// <summary>The requests that tell changed subscriptions.</summary>
    List<TRequest> TakeChanges();

    /// <summary>Applies a response and returns the acknowledgement, refusing by name what could not be applied.</summary>
    TRequest? OnResponse(TResponse response);

    /// <summary>The stream ended; what is held stays.</summary>
    void OnClosed();
}
