using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// The request under way on a client's HTTP/1 connection: its body, taken out of the connection's bytes and held back when asked to, and for
/// the rest of the proxy where its response goes and whether the connection may outlive it. What it counts is the request's. One per
/// connection, reused, since HTTP/1 has one exchange at a time. Loop-affine.
/// </summary>
internal sealed class Http1DownstreamStream : IDownstreamStream
{
    private readonly Http1DownstreamConnection _connection;
    private readonly HcmModel _hcm;
    private readonly StatCells _cells;
    private readonly SendQueue _out;
    private readonly ResponseEncoder _encoder;
    private BodyDecoder _body;
    private HeaderMap? _trailers;
    private int _pauses;
    private bool _keepAlive = true;

    public Http1DownstreamStream(Http1DownstreamConnection connection, HcmModel hcm, StatCells cells, SendQueue output)
    {
        _connection = connection;
        _hcm = hcm;
        _cells = cells;
        _out = output;
        _encoder = new ResponseEncoder(output, hcm.EnableTrailers, hcm.ProperCase);
    }

    /// <summary>The request object; null between requests.</summary>
    public HttpStream? Http { get; private set; }

    /// <summary>Whether the rest of the request stays with the client for now.</summary>
    public bool IsPaused => _pauses > 0;

    /// <summary>Whether another request may follow on the connection.</summary>
    public bool KeepsAlive => _keepAlive;

    public bool IsSendBlocked => _out.IsBlocked;

    public bool CanSendTrailers => _encoder.IsChunked && _hcm.EnableTrailers;

    // What was written is counted, whether or not the client has taken it.
    public long UnsentWireBytes => 0;

    public void Attach(HttpStream http) => Http = http;

    /// <summary>A head is in order: how it is to be answered.</summary>
    public void BeginResponse(HttpProtocol version, bool toHead, bool mayTunnel, bool keepAlive)
    {
        _keepAlive = keepAlive;
        _encoder.Begin(version, toHead, mayTunnel);
    }

    public void BeginBody(BodyKind kind, long length)
    {
        _body = BodyDecoder.For(kind, length);
        _trailers?.Clear();
    }

    /// <summary>Whether a body of known length was taken to its last byte.</summary>
    public bool IsBodyFinished => _body.IsFinished;

    /// <summary>One step through the body; <see cref="TakeBody"/> passes on what came of it once the connection knows where it stands.</summary>
    public DecodeStatus DecodeBody(ReadOnlySpan<byte> unread, out int consumed, out ReadOnlySpan<byte> data, out Http1Error? error)
    {
        _trailers ??= _body.Kind == BodyKind.Chunked ? new HeaderMap() : null;
        DecodeStatus status = _body.Step(unread, _trailers!, _hcm.Limits, out consumed, out data, out error);
        if (Http is { } http)
        {
            http.Info.Downstream.WireBytesReceived += consumed;
        }

        return status;
    }

    /// <summary>Passes on body bytes, or the body's end; nobody may want them any more.</summary>
    public void TakeBody(DecodeStatus status, ReadOnlySpan<byte> data)
    {
        if (Http is not { } http)
        {
            return;
        }

        if (status == DecodeStatus.Data)
        {
            http.OnData(data, _body.IsFinished);
        }
        else if (_trailers is { Count: > 0 } trailers && _hcm.EnableTrailers)
        {
            int fieldBytes = trailers.ByteSize + (trailers.Count * FieldParser.SeparatorBytes);
            http.Info.Downstream.ReceivedFields(0, fieldBytes, fieldBytes);
            http.OnTrailers(trailers);
        }
        else
        {
            http.OnData(default, end: true);
        }
    }

    /// <summary>Passes on bytes of a tunnel.</summary>
    public void TakeTunnel(ReadOnlySpan<byte> data)
    {
        if (Http is { } http)
        {
            http.Info.Downstream.WireBytesReceived += data.Length;
            http.OnData(data, end: false);
        }
    }

    /// <summary>A head that could not be read is answered, and nothing follows.</summary>
    public void BeginFailure()
    {
        _keepAlive = false;
        _encoder.BeginIfIdle();
    }

    /// <summary>The client has no more to say on a tunnel.</summary>
    public void EndTunnelInput()
    {
        _pauses++;
        Http!.OnData(default, end: true);
    }

    public void SendInformational(HeaderMap headers, int status) =>
        _encoder.Informational(headers, status, ref Http!.Info.Downstream);

    public void SendHeaders(HeaderMap headers, int status, bool end)
    {
        _keepAlive = _keepAlive && !_connection.MustEnd;

        // Nobody waits for the rest of a request that is answered already (Envoy's rule, also for responses that go on for long).
        _keepAlive &= Http!.IsRequestComplete;

        _encoder.Headers(headers, status, end, ref _keepAlive, ref Http!.Info.Downstream);
        if (_encoder.IsTunnel)
        {
            _keepAlive = false;
            _connection.OnTunnel();
        }
        else
        {
            FlushAtEnd(end);
        }
    }

    public void SendData(ReadOnlySpan<byte> data, bool end)
    {
        _encoder.Data(data, end, ref Http!.Info.Downstream);
        if (end && _encoder.IsTunnel)
        {
            _connection.FinishTunnelOutput();
            return;
        }

        FlushAtEnd(end);
    }

    public void SendTrailers(HeaderMap trailers)
    {
        _encoder.Trailers(trailers, ref Http!.Info.Downstream);
        FlushAtEnd(end: true);
    }

    public void SendMetadata(HeaderMap metadata) => _cells.Add(_hcm.MetadataDropped);

    public void CloseAfterResponse() => _keepAlive = false;

    public void PauseRequest()
    {
        if (_pauses++ == 0)
        {
            _cells.Add(_hcm.Stats.FlowPaused);
        }
    }

    public void ResumeRequest()
    {
        if (--_pauses == 0)
        {
            _cells.Add(_hcm.Stats.FlowResumed);
            _connection.Wake();
        }
    }

    public void StreamEnded(EndReason reason, bool complete)
    {
        HttpStream http = Http!;
        Http = null;
        _pauses = 0;
        http.Recycle();
        _connection.OnRequestEnded(reason, complete);
    }

    // With another request waiting, responses are gathered until the turn ends.
    private void FlushAtEnd(bool end)
    {
        if (end && !_connection.HasUnread)
        {
            _out.Flush();
        }
    }
}
