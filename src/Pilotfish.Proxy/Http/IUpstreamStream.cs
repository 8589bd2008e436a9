using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>One attempt at an upstream: what a codec offers to send the request. Dead after <see cref="Reset"/> or its last event.</summary>
public interface IUpstreamStream
{
    UpstreamConnection Connection { get; }

    HttpProtocol Protocol { get; }

    bool IsSendBlocked { get; }

    /// <summary>Bytes on loan for what the upstream has not taken and what nobody has read of its answer.</summary>
    long BufferedBytes { get; }

    /// <param name="headers">The request's head.</param>
    /// <param name="end">Whether no body follows.</param>
    /// <param name="isUpgrade">Whether the head asks for another protocol.</param>
    void SendHeaders(HeaderMap headers, bool end, bool isUpgrade);

    void SendData(ReadOnlySpan<byte> data, bool end);

    void SendTrailers(HeaderMap trailers);

    /// <summary>Sends METADATA where the upstream and its config have it; elsewhere it is dropped.</summary>
    void SendMetadata(HeaderMap metadata)
    {
    }

    /// <summary>Gives the attempt up; no more events come.</summary>
    void Reset();

    void PauseResponse();

    void ResumeResponse();
}
