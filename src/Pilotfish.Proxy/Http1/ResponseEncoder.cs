using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Writes one response after another to a client: chooses the framing, keeps to it, says when the connection must close, and counts what
/// it writes in the meter of the request.
/// </summary>
internal sealed class ResponseEncoder(SendQueue output, bool enableTrailers, bool properCase)
{
    private bool _http10;
    private bool _toHead;
    private bool _mayTunnel;
    private bool _bodyless;
    private bool _begun;

    public bool IsChunked { get; private set; }

    /// <summary>Whether bytes now flow without framing, after 101 or an accepted CONNECT.</summary>
    public bool IsTunnel { get; private set; }

    public void Begin(HttpProtocol version, bool toHead, bool mayTunnel)
    {
        _http10 = version == HttpProtocol.Http10;
        _toHead = toHead;
        _mayTunnel = mayTunnel;
        _bodyless = false;
        IsChunked = false;
        IsTunnel = false;
        _begun = true;
    }

    /// <summary>For replies to heads that could not be read.</summary>
    public void BeginIfIdle()
    {
        if (!_begun)
        {
            Begin(HttpProtocol.Http11, toHead: false, mayTunnel: false);
        }
    }

    public void Informational(HeaderMap headers, int status, ref ByteMeter meter)
    {
        // HTTP/1.0 clients do not know 1xx (RFC 9110 section 15.2).
        if (!_http10)
        {
            WriteHead(headers, status, chunked: false, default, ref meter);
        }
    }

    public void Headers(HeaderMap headers, int status, bool end, ref bool keepAlive, ref ByteMeter meter)
    {
        _begun = false;
        bool tunnels = _mayTunnel && (status == 101 || (status is >= 200 and < 300 && !headers.Has(WellKnownHeader.ContentLength) && !end));
        if (tunnels)
        {
            IsTunnel = true;
            WriteHead(headers, status, chunked: false, status == 101 ? "upgrade"u8 : default, ref meter);
            return;
        }

        // An upgrade that was not granted leaves bytes on the wire of which nobody knows the protocol.
        keepAlive &= !_mayTunnel;
        _bodyless = _toHead || status is 204 or 304 || status < 200;
        if (status == 204 || status < 200)
        {
            headers.Remove(WellKnownHeader.ContentLength);
        }
        else if (!headers.Has(WellKnownHeader.ContentLength) && !_bodyless)
        {
            ChooseFraming(headers, end, ref keepAlive);
        }

        WriteHead(headers, status, IsChunked, keepAlive ? (_http10 ? "keep-alive"u8 : default) : "close"u8, ref meter);
    }

    public void Data(ReadOnlySpan<byte> data, bool end, ref ByteMeter meter)
    {
        if (_bodyless)
        {
            return;
        }

        if (!IsChunked)
        {
            output.Write(data);
            meter.WireBytesSent += data.Length;
            return;
        }

        if (!data.IsEmpty)
        {
            int size = MessageWriter.WriteChunkSize(output.Reserve(MessageWriter.ChunkFrameBytesMax), data.Length);
            output.Commit(size);
            output.Write(data);
            output.Write("\r\n"u8);
            meter.WireBytesSent += size + data.Length + 2;
        }

        if (end)
        {
            output.Write(MessageWriter.LastChunk);
            meter.WireBytesSent += MessageWriter.LastChunk.Length;
        }
    }

    public void Trailers(HeaderMap trailers, ref ByteMeter meter)
    {
        if (!IsChunked || _bodyless)
        {
            return;
        }

        if (!enableTrailers)
        {
            Data(default, end: true, ref meter);
            return;
        }

        int size = MessageWriter.WriteTrailers(output.Reserve(MessageWriter.HeadBytesMax(trailers)), trailers);
        output.Commit(size);
        int fields = size - MessageWriter.TrailerFrameBytes;
        meter.SentFields(size, fields, fields);
    }

    private void ChooseFraming(HeaderMap headers, bool end, ref bool keepAlive)
    {
        if (end)
        {
            headers.Set(WellKnownHeader.ContentLength, "0"u8);
        }
        else if (_http10)
        {
            // No chunks before HTTP/1.1: the connection's end is the body's.
            keepAlive = false;
        }
        else
        {
            IsChunked = true;
        }
    }

    private void WriteHead(HeaderMap headers, int status, bool chunked, ReadOnlySpan<byte> connection, ref ByteMeter meter)
    {
        ReadOnlySpan<byte> reason = headers.Case is { ForwardsReasonPhrase: true } ? HeaderCase.ReasonOf(headers.KeptHead) : default;
        reason = reason.IsEmpty ? HttpStatusText.Of(status) : reason;
        Span<byte> room = output.Reserve(MessageWriter.HeadBytesMax(headers) + reason.Length);
        int size = MessageWriter.WriteResponseHead(room, headers, status, reason, _http10, chunked, connection, out int startLine);
        if (headers.Case is { } preserved)
        {
            HeaderCase.Restore(room[..size], headers.KeptHead, preserved.ProperWordsForOthers);
        }
        else if (properCase)
        {
            HeaderCase.ProperWords(room[..size]);
        }

        output.Commit(size);
        int fields = size - startLine - MessageWriter.HeadEndBytes;
        meter.SentFields(size, fields, fields);
    }
}
