using System.Buffers.Text;
using System.Security.Cryptography;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// One request on an upstream's connection. An HTTP/1.1 upgrade goes out as extended CONNECT (RFC 8441) and its 200 comes back as the 101
/// that the rest of the proxy waits for.
/// </summary>
internal sealed class Http2UpstreamStream(Http2UpstreamConnection connection) : Http2Stream(connection), IUpstreamStream
{
    private static ReadOnlySpan<byte> WebSocketGuid => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    private IUpstreamEvents? _events;
    private byte[]? _upgrade;
    private byte[]? _webSocketKey;
    private StreamResetReason _lossReason;
    private string? _lossFailure;

    public UpstreamConnection Connection => connection.Connection;

    public HttpProtocol Protocol => HttpProtocol.Http2;

    public bool IsHead { get; private set; }

    public IUpstreamEvents? Events => _events;

    internal override bool AwaitsReader => _events is not null && Holds;

    /// <summary>The response came to its end, and its reader has not taken all of it yet.</summary>
    internal bool IsAnswered => IsRemoteClosed && AwaitsReader;

    /// <summary>Whether somebody means to send on behind the answer.</summary>
    internal bool KeepsSending => _events is { KeepsSending: true } && !IsLocalClosed;

    /// <summary>Its connection is gone; it stays until its reader has what came before.</summary>
    internal bool IsLost { get; private set; }

    internal override ref ByteMeter Meter => ref (_events is { } events ? ref events.Meter : ref Unread);

    public void Attach(IUpstreamEvents events)
    {
        _events = events;
        _upgrade = null;
        _webSocketKey = null;
        IsHead = false;
        IsLost = false;
    }

    public void SendHeaders(HeaderMap headers, bool end, bool isUpgrade)
    {
        ReadOnlySpan<byte> method = headers[WellKnownHeader.Method];
        IsHead = method.SequenceEqual("HEAD"u8);
        bool isConnect = method.SequenceEqual("CONNECT"u8);
        if (isUpgrade && headers.TryGet(WellKnownHeader.Upgrade, out ReadOnlySpan<byte> upgrade))
        {
            SendUpgrade(headers, upgrade.ToArray());
            return;
        }

        RequestHeadShape.Prepare(headers, isConnect);
        connection.Output.Headers(this, headers, end && !isConnect);
        if (end && !isConnect)
        {
            LocalEnd();
        }
    }

    public void SendData(ReadOnlySpan<byte> data, bool end)
    {
        if (IsClosed)
        {
            return;
        }

        connection.Output.Data(this, data, end);
        if (end && _events is { KeepsSending: true } && IsClosed && !AwaitsReader)
        {
            // The answer ended before; what still waits for a window is followed by its session.
            _events = null;
            connection.OnResponseEnd(this);
        }
    }

    public void SendTrailers(HeaderMap trailers)
    {
        if (!IsClosed)
        {
            connection.Output.Trailers(this, trailers);
        }
    }

    public void Reset()
    {
        if (connection.Find(Id) == this)
        {
            connection.GiveUp(this);
        }

        _events = null;
    }

    public void PauseResponse() => Pause();

    public void ResumeResponse() => Resume();

    /// <summary>A decoded response head; false when its status ends the exchange badly.</summary>
    public void TakeHead(bool end)
    {
        HeaderMap headers = _events!.ResponseHeaders;
        int status = ResponseRules.Status(headers);
        if (status < 200)
        {
            _events.OnUpstreamInformational(status);
            return;
        }

        HasHead = true;
        if (_upgrade is { } upgrade && status < 300 && !end)
        {
            status = 101;
            headers.Set(WellKnownHeader.Status, "101"u8);
            headers.Set(WellKnownHeader.Upgrade, upgrade);
            AddAcceptKey(headers);
        }

        Finish(end)?.OnUpstreamHeaders(status, end);
    }

    internal override void OnReset(Http2ErrorCode code, Http2End end)
    {
        IUpstreamEvents? events = _events;
        _events = null;
        events?.OnUpstreamReset(Reason(code, end), null);
    }

    /// <summary>The connection ended under it.</summary>
    internal void OnConnectionLost(StreamResetReason reason, string? transportFailure)
    {
        IUpstreamEvents? events = _events;
        _events = null;
        events?.OnUpstreamReset(reason, transportFailure);
    }

    /// <summary>
    /// The connection ended under it while its reader was slow: what came is still the reader's, at its pace. Behind that a response without
    /// an end is told as broken.
    /// </summary>
    internal void Linger(StreamResetReason reason, string? transportFailure)
    {
        IsLost = true;
        _lossReason = reason;
        _lossFailure = transportFailure;
        DropPending();
    }

    protected override void OnDelivered()
    {
        if (IsLost && connection.Find(Id) == this)
        {
            connection.EndLost(this, _lossReason, _lossFailure);
        }
    }

    protected override void OnData(ReadOnlySpan<byte> data, bool end) => Finish(end)?.OnUpstreamData(data, end);

    protected override void OnTrailers(HeaderMap trailers)
    {
        IUpstreamEvents? events = Finish(end: true);
        if (trailers.Count > 0)
        {
            events?.OnUpstreamTrailers(trailers);
        }
        else
        {
            events?.OnUpstreamData(default, end: true);
        }
    }

    internal override void OnMetadata(HeaderMap metadata) => _events?.OnUpstreamMetadata(metadata);

    public void SendMetadata(HeaderMap metadata)
    {
        if (connection.Options.AllowMetadata && !IsLocalClosed)
        {
            connection.Output.Metadata(this, metadata);
        }
    }

    protected override void OnSendBlocked(bool blocked) => _events?.OnUpstreamSendBlocked(blocked);

    // The last event must find the stream given back, as its receiver may ask for another at once.
    private IUpstreamEvents? Finish(bool end)
    {
        IUpstreamEvents? events = _events;
        if (end && !(events is { KeepsSending: true } && !IsLocalClosed))
        {
            // A reset that this causes still counts as the attempt's.
            connection.OnResponseEnd(this);
            _events = null;
        }

        return events;
    }

    private void SendUpgrade(HeaderMap headers, byte[] upgrade)
    {
        _upgrade = upgrade;
        _webSocketKey = headers.TryGet(WellKnownHeader.SecWebsocketKey, out ReadOnlySpan<byte> key) ? key.ToArray() : null;
        var extended = new HeaderMap();
        extended.CopyFrom(headers);
        extended.Set(WellKnownHeader.Method, "CONNECT"u8);
        extended.Set(WellKnownHeader.Protocol, upgrade);
        extended.Remove(WellKnownHeader.Upgrade);
        extended.Remove(WellKnownHeader.ContentLength);
        RequestHeadShape.Prepare(extended, isConnect: false);
        connection.Output.Headers(this, extended, end: false);
    }

    // RFC 8441 leaves the key out; an HTTP/1.1 client checks it (RFC 6455 section 4.2.2).
    private void AddAcceptKey(HeaderMap headers)
    {
        if (_webSocketKey is not { } key || headers.TryGet("sec-websocket-accept"u8, out _))
        {
            return;
        }

        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        byte[] input = [.. key, .. WebSocketGuid];
#pragma warning disable CA5350 // RFC 6455 asks for SHA-1; it protects nothing.
        SHA1.HashData(input, hash);
#pragma warning restore CA5350
        Span<byte> text = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(SHA1.HashSizeInBytes)];
        Base64.EncodeToUtf8(hash, text, out _, out int written);
        headers.Set("sec-websocket-accept"u8, text[..written]);
    }

    private static StreamResetReason Reason(Http2ErrorCode code, Http2End end)
    {
        // A response beyond the limits is reset by this side, which Envoy's codec tells as the host's reset: it is no error of the protocol.
        if (end != Http2End.RemoteReset && end != Http2End.RemoteRefused && end != Http2End.TooManyHeaders)
        {
            return StreamResetReason.ProtocolError;
        }

        return code == Http2ErrorCode.REFUSED_STREAM ? StreamResetReason.RemoteRefusedStreamReset : StreamResetReason.RemoteReset;
    }
}
