using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>Who made an attempt hears of its response. Spans are valid during the call.</summary>
public interface IUpstreamEvents
{
    /// <summary>Where the codec puts the response's head before it tells of it.</summary>
    HeaderMap ResponseHeaders { get; }

    /// <summary>Where the codec counts what it writes and reads for this attempt, before it tells of it.</summary>
    ref ByteMeter Meter { get; }

    /// <summary>
    /// Whether what is sent goes on after the answer's end, as in a tunnel whose far side finished first: the stream then lives until this
    /// side has ended too, and only a reset may still be told.
    /// </summary>
    bool KeepsSending => false;

    void OnUpstreamInformational(int status);

    void OnUpstreamHeaders(int status, bool end);

    void OnUpstreamData(ReadOnlySpan<byte> data, bool end);

    void OnUpstreamTrailers(HeaderMap trailers);

    /// <summary>METADATA of the upstream; the map is valid during the call.</summary>
    void OnUpstreamMetadata(HeaderMap metadata)
    {
    }

    /// <summary>The attempt ended without a whole response. The last event.</summary>
    void OnUpstreamReset(StreamResetReason reason, string? transportFailure);

    void OnUpstreamSendBlocked(bool blocked);
}
