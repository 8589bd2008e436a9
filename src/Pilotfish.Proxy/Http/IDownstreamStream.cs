using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// The client's side of one request: what a codec offers to send the response. Sends never block; what the peer does not take is kept, and
/// <see cref="IsSendBlocked"/> asks the producer to stop.
/// </summary>
public interface IDownstreamStream
{
    bool IsSendBlocked { get; }

    /// <summary>Whether the codec can carry trailers to this client.</summary>
    bool CanSendTrailers { get; }

    /// <summary>
    /// Bytes of the response that were handed over and that the codec has not framed yet for want of the client's window; what they will
    /// take on the wire if they leave in full frames.
    /// </summary>
    long UnsentWireBytes { get; }

    void SendInformational(HeaderMap headers, int status);

    void SendHeaders(HeaderMap headers, int status, bool end);

    void SendData(ReadOnlySpan<byte> data, bool end);

    void SendTrailers(HeaderMap trailers);

    /// <summary>Sends METADATA where client and config have it; elsewhere it is dropped.</summary>
    void SendMetadata(HeaderMap metadata)
    {
    }

    /// <summary>The connection must end with this response: what follows on it cannot be trusted.</summary>
    void CloseAfterResponse();

    /// <summary>Stops reading the request's body; calls are counted.</summary>
    void PauseRequest();

    void ResumeRequest();

    /// <summary>
    /// The stream is over and forgotten by its owner. The codec goes on with the connection, or ends it when the response was cut off or
    /// the request was not read to its end.
    /// </summary>
    /// <param name="reason">Why it ended.</param>
    /// <param name="complete">Whether the whole response was sent.</param>
    void StreamEnded(EndReason reason, bool complete);
}
