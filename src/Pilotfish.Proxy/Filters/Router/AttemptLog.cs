using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// The router's upstream_log of one attempt: a record at its end, and where upstream_log_options ask for them when it has a connection and
/// every so often. Its facts are the attempt's own: begin, host, what the host answered before any filter saw it, body bytes towards the
/// host as sent, from it as received, and the flags of what ended it. Bytes on the wire go on over attempts, as in the request's record.
/// Made when a config first asks for one, kept with the attempt. Loop-affine.
/// </summary>
internal sealed class AttemptLog
{
    private readonly HttpStream _stream;
    private readonly StreamInfo _info = new();
    private readonly HeaderMap _headers = new();
    private LoopTimer? _timer;
    private HeaderMap? _trailers;
    private RouterModel _model = null!;
    private bool _isOpen;
    private bool _isConnected;

    public AttemptLog(HttpStream stream) => _stream = stream;

    /// <summary>A host was picked and its pool is asked.</summary>
    public void Begin(RouterModel model, Host host)
    {
        _model = model;
        _isOpen = true;
        _isConnected = false;
        StreamInfo request = _stream.Info;
        _info.Start(request.Connection, _stream.Loop.WallNow, _stream.Loop.NowNanoseconds);
        _info.RequestHeaders = _stream.RequestHeaders;
        _info.RouteName = request.RouteName;
        _info.RouteMetadata = request.RouteMetadata;
        _info.VirtualHostName = request.VirtualHostName;
        _info.VirtualHostMetadata = request.VirtualHostMetadata;
        _info.ClusterName = request.ClusterName;
        _info.ClusterObservabilityName = request.ClusterObservabilityName;
        _info.ClusterMetadata = request.ClusterMetadata;
        _info.IsHealthCheck = request.IsHealthCheck;
        _info.Upstream.AttemptCount = request.Upstream.AttemptCount;
        _info.Times.UpstreamRequestBegin = _info.Times.DownstreamReceiveBegin;
        AttemptFacts.Picked(_info, host);
        if (model.UpstreamLogMilliseconds > 0)
        {
            _timer ??= new LoopTimer(_stream.Loop, static state => ((AttemptLog)state!).OnTimer(), this);
            _timer.Schedule(model.UpstreamLogMilliseconds);
        }
    }

    /// <summary>The pool gave a connection; the request's head is what it will be on the wire.</summary>
    public void Connected(UpstreamAttempt attempt)
    {
        _isConnected = true;
        AttemptFacts.Connected(_info, attempt);
        _info.Protocol = attempt.Protocol;
        if (_model.LogsUpstreamStreams)
        {
            Write(AccessLogType.UpstreamPoolReady);
        }
    }

    /// <summary>Body bytes went to the host.</summary>
    public void Sent(int bytes, bool end)
    {
        _info.BytesSent += bytes;
        if (end)
        {
            _info.Times.UpstreamSendEnd = _stream.Loop.NowNanoseconds;
        }
    }

    /// <summary>The host's head, before the router and the filters change it.</summary>
    public void Headers(int status, HeaderMap headers, bool end)
    {
        _headers.CopyFrom(headers);
        _info.ResponseHeaders = _headers;
        _info.ResponseCode = status;
        _info.Times.UpstreamReceiveBegin = _stream.Loop.NowNanoseconds;
        Received(0, end);
    }

    public void Received(int bytes, bool end)
    {
        _info.BytesReceived += bytes;
        long now = _stream.Loop.NowNanoseconds;
        if (bytes > 0 && _info.Times.UpstreamReceiveBodyBegin == 0)
        {
            _info.Times.UpstreamReceiveBodyBegin = now;
        }

        if (end)
        {
            _info.Times.UpstreamReceiveEnd = now;
        }
    }

    public void Trailers(HeaderMap trailers)
    {
        _trailers ??= new HeaderMap();
        _trailers.CopyFrom(trailers);
        _info.ResponseTrailers = _trailers;
        Received(0, end: true);
    }

    /// <summary>The attempt failed: no connection, or a reset.</summary>
    public void Failed(StreamResetReason reason, string? transportFailure)
    {
        _info.Flags |= StreamResetReasons.EndReason(reason, responseStarted: false, transportFailure).Flags;
        _info.Upstream.TransportFailure = transportFailure;
        if (!_isConnected)
        {
            _info.Times.UpstreamPoolReady = _stream.Loop.NowNanoseconds;
        }
    }

    /// <summary>A time of its own was up. What ends the whole request flags the request alone.</summary>
    public void TimedOut(ResponseFlag flag) => _info.Flags = _info.Flags.With(flag);

    /// <summary>Nothing more comes of the attempt. The first end counts.</summary>
    public void End()
    {
        if (_isOpen)
        {
            _isOpen = false;
            _timer?.Cancel();
            Write(AccessLogType.UpstreamEnd);

            // What waits to be used again must not keep a config that went.
            _info.RequestHeaders = null;
            _info.RouteMetadata = null;
            _info.VirtualHostMetadata = null;
            _info.ClusterMetadata = null;
        }
    }

    private void OnTimer()
    {
        Write(AccessLogType.UpstreamPeriodic);
        _timer!.Schedule(_model.UpstreamLogMilliseconds);
    }

    private void Write(AccessLogType type)
    {
        // An attempt that never had a connection has no part in either meter.
        if (_isConnected)
        {
            _info.Downstream = _stream.Info.Downstream;
            _info.UpstreamBytes = _stream.Info.UpstreamBytes;
        }

        _model.UpstreamLogs.Write(_stream.Worker.Worker, _info, type);
    }
}
