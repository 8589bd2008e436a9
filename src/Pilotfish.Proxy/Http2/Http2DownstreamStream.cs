using System.Buffers.Text;
using System.Security.Cryptography;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// A client's request on a shared connection. It stays in its session after its request object has ended, until the client took what
/// flow control held back. Extended CONNECT (RFC 8441) shows itself to the rest of the proxy as an HTTP/1.1 upgrade.
/// </summary>
internal sealed class Http2DownstreamStream(Http2DownstreamConnection connection) : Http2Stream(connection), IDownstreamStream, IMemoryHolder
{
    private const int WebSocketKeyBytes = 16;

    private bool _isConnect;
    private bool _isExtended;
    private bool _addedKey;
    private bool _responseStarted;

    /// <summary>The request under way; null once it has ended.</summary>
    public HttpStream? Http { get; private set; }

    /// <summary>How long the client may take nothing of what is left of the response; 0 = for ever. Known once the request has ended.</summary>
    public long FlushMilliseconds { get; private set; }

    public long StartedMilliseconds { get; private set; }

    public bool CanSendTrailers => true;

    public override long BufferedBytes => base.BufferedBytes + (Http?.BufferedBytes ?? 0);

    public bool ResponseStarted => _responseStarted;

    /// <summary>CONNECT, extended or not: what breaks it off is an error of the connection behind it (RFC 9113 section 8.5).</summary>
    public bool IsConnect => _isConnect;

    public long UnsentWireBytes => connection.Output.UnsentWireBytes(this);

    internal override ref ByteMeter Meter => ref (Http is { } http ? ref http.Info.Downstream : ref Unread);

    public void Attach(HttpStream http)
    {
        Http = http;
        StartedMilliseconds = Session.Loop.NowMilliseconds;
        _isConnect = false;
        _isExtended = false;
        _addedKey = false;
        _responseStarted = false;
    }

    /// <summary>The head is decoded and in order.</summary>
    public void Begin(bool end)
    {
        HeaderMap headers = Http!.RequestHeaders;
        _isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        _isExtended = headers.Has(WellKnownHeader.Protocol);
        if (_isExtended)
        {
            BecomeUpgrade(headers);
        }

        Http.OnHead(end && !_isConnect);
    }

    public void SendInformational(HeaderMap headers, int status)
    {
        headers.SetNumber(WellKnownHeader.Status, status);
        connection.Output.Headers(this, headers, end: false);
    }

    public void SendHeaders(HeaderMap headers, int status, bool end)
    {
        connection.OnResponse(this);
        _responseStarted = true;
        if (status == 101 && _isExtended)
        {
            status = 200;
            headers.Remove(WellKnownHeader.Upgrade);
            headers.Remove(WellKnownHeader.Connection);
            if (_addedKey)
            {
                headers.Remove("sec-websocket-accept"u8);
            }
        }

        if (status is 204 or < 200)
        {
            headers.Remove(WellKnownHeader.ContentLength);
        }

        headers.SetNumber(WellKnownHeader.Status, status);
        connection.Output.Headers(this, headers, end);
        if (end)
        {
            LocalEnd();
        }
    }

    public void SendData(ReadOnlySpan<byte> data, bool end) => connection.Output.Data(this, data, end);

    public void SendTrailers(HeaderMap trailers)
    {
        connection.CountTrailers();
        connection.Output.Trailers(this, trailers);
    }

    // Streams are told apart by their frames: an odd request does not spoil the next one.
    public void CloseAfterResponse()
    {
    }

    public void PauseRequest()
    {
        connection.CountPaused(paused: !IsPaused);
        Pause();
    }

    public void ResumeRequest()
    {
        Resume();
        connection.CountResumed(resumed: !IsPaused);
    }

    public void StreamEnded(EndReason reason, bool complete)
    {
        HttpStream http = Http!;
        Http = null;
        FlushMilliseconds = http.Hcm.FlushMilliseconds(http.Route?.Forward);
        http.Recycle();
        connection.OnRequestEnded(this, reason, complete);
    }

    public void EndForMemory()
    {
        if (Http is { } http)
        {
            http.OnMemoryPressure();
        }
        else
        {
            connection.EndFlush(this);
        }
    }

    internal override void OnReset(Http2ErrorCode code, Http2End end)
    {
        if (Http is { } http)
        {
            http.OnDownstreamReset(end.Reason);
        }
    }

    protected override void OnData(ReadOnlySpan<byte> data, bool end) => Http?.OnData(data, end);

    protected override void OnTrailers(HeaderMap trailers)
    {
        if (trailers.Count > 0)
        {
            Http?.OnTrailers(trailers);
        }
        else
        {
            Http?.OnData(default, end: true);
        }
    }

    internal override void OnMetadata(HeaderMap metadata) => Http?.OnMetadata(metadata);

    public void SendMetadata(HeaderMap metadata)
    {
        if (connection.Options.AllowMetadata && !IsLocalClosed)
        {
            connection.Output.Metadata(this, metadata);
        }
    }

    protected override void OnSendBlocked(bool blocked) => Http?.OnSendBlocked(blocked);

    private void BecomeUpgrade(HeaderMap headers)
    {
        headers.Set(WellKnownHeader.Method, "GET"u8);
        headers.Set(WellKnownHeader.Upgrade, headers[WellKnownHeader.Protocol]);
        headers.Set(WellKnownHeader.Connection, "upgrade"u8);
        headers.Remove(WellKnownHeader.Protocol);
        if (!headers[WellKnownHeader.Upgrade].SequenceEqual("websocket"u8) || headers.Has(WellKnownHeader.SecWebsocketKey))
        {
            return;
        }

        // RFC 8441 has no key; an HTTP/1.1 server refuses without one.
        Span<byte> raw = stackalloc byte[WebSocketKeyBytes];
        Span<byte> text = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(WebSocketKeyBytes)];
        RandomNumberGenerator.Fill(raw);
        Base64.EncodeToUtf8(raw, text, out _, out int written);
        headers.Set(WellKnownHeader.SecWebsocketKey, text[..written]);
        _addedKey = true;
    }
}
