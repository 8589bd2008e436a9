using System.Diagnostics;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// One HTTP exchange of the proxy's own with a host of a cluster, through the same pools, breakers, TLS and statistics as traffic:
/// (1) pick a host; (2) ask its pool for a stream, holding what is sent meanwhile; (3) pass bytes both ways under back-pressure;
/// (4) end with the response, the deadline, a failure, the cluster's removal or <see cref="Cancel"/>. One attempt: retrying is the caller's.
/// One worker's loop only.
/// </summary>
internal sealed class AsyncHttpStream : IPoolRequester, IUpstreamEvents, IClusterUser
{
    // What may wait for a connection; it equals the room that a stream has later while the peer's window is closed.
    internal const int HeldBytesMax = 64 * 1024;

    private readonly Worker _worker;
    private readonly ClusterReference _reference;
    private readonly IAsyncHttpEvents _events;
    private readonly HttpProtocol _protocol;
    private readonly LinkedListNode<IClusterUser> _membership;
    private readonly LoopTimer? _deadline;
    private readonly long _deadlineMilliseconds;
    private BodyBuffer _held;
    private ByteMeter _meter;
    private HeaderMap? _request;
    private HeaderMap? _trailers;
    private WorkerCluster? _cluster;
    private ClusterHttp? _http;
    private Host? _host;
    private IUpstreamHttpPool? _pool;
    private IUpstreamStream? _upstream;
    private long _begin;
    private bool _requestEnded;
    private bool _responseStarted;
    private bool _paused;
    private bool _wantsRoom;

    /// <param name="worker">Whose loop runs the exchange.</param>
    /// <param name="cluster">Where to; it need not exist yet.</param>
    /// <param name="protocol">What to speak where the cluster's options leave it to the client: HTTP/2 for gRPC.</param>
    /// <param name="deadlineMilliseconds">Bound of the whole exchange; 0 = none.</param>
    /// <param name="events">Who hears of it.</param>
    public AsyncHttpStream(
        Worker worker, ClusterReference cluster, HttpProtocol protocol, long deadlineMilliseconds, IAsyncHttpEvents events)
    {
        _worker = worker;
        _reference = cluster;
        _protocol = protocol;
        _events = events;
        _membership = new LinkedListNode<IClusterUser>(this);
        _deadlineMilliseconds = deadlineMilliseconds;
        if (deadlineMilliseconds > 0)
        {
            _deadline = new LoopTimer(worker.Loop, static state => ((AsyncHttpStream)state!).OnDeadline(), this);
        }
    }

    public IUpstreamEvents Events => this;

    public AsyncTarget Target { get; init; } = AsyncTarget.Any;

    public HeaderMap ResponseHeaders { get; } = new();

    public ref ByteMeter Meter => ref _meter;

    /// <summary>Whether its last event was told or it was cancelled.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Whether the connection, or what waits for one, has no room now.</summary>
    public bool IsBlocked => _upstream is { } upstream ? upstream.IsSendBlocked : _held.Length >= HeldBytesMax;

    private StatCells Cells => _worker.Stats;

    /// <summary>Starts the exchange, once. A failure may be told before this returns.</summary>
    /// <param name="request">:method, :path, :authority and the rest; the stream's own from now on.</param>
    /// <param name="end">Whether no body follows.</param>
    public void Start(HeaderMap request, bool end)
    {
        Debug.Assert(_request is null && !IsEnded, "An exchange is started once.");
        _request = request;
        _requestEnded = end;
        _begin = _worker.Loop.NowMilliseconds;
        if (_reference.Current is not { IsRemoved: false } state)
        {
            Fail(AsyncFailureKind.UnknownCluster, default, "cluster_not_found");
            return;
        }

        WorkerCluster cluster = _worker.Cluster(state);
        _http = ClusterHttp.Of(state);
        HostPick pick = cluster.Drop() is { } dropped ? HostPick.None(dropped) : cluster.Pick(Target.Request);
        if (pick.Host is not { } host)
        {
            Count(503);
            Fail(AsyncFailureKind.NoHost, default, pick.Failure!.Details);
            return;
        }

        if (HostHttpPools.Of(cluster, host, Target.Priority, null, _protocol) is not { } pool)
        {
            Count(503);
            Fail(AsyncFailureKind.NoHost, default, EndReasons.NoHealthyUpstream.Details);
            return;
        }

        _host = host;
        _cluster = cluster;
        _pool = pool;
        cluster.Join(_membership);
        _deadline?.Schedule(_deadlineMilliseconds);
        pool.Acquire(this);
    }

    /// <summary>
    /// Takes all of the data or, when <see cref="IsBlocked"/> or over, nothing; then <see cref="IAsyncHttpEvents.OnWritable"/> tells of
    /// room. An empty end is always taken.
    /// </summary>
    public bool TrySend(ReadOnlySpan<byte> data, bool end)
    {
        if (IsEnded || _requestEnded || !(data.IsEmpty || HasRoom()))
        {
            return false;
        }

        SendWhole(data, end);
        return true;
    }

    /// <summary>Whether data would be taken now; if not, <see cref="IAsyncHttpEvents.OnWritable"/> tells when.</summary>
    public bool HasRoom()
    {
        if (!IsBlocked)
        {
            return true;
        }

        if (!_wantsRoom)
        {
            // A stream that is blocked and freed within one turn tells of neither.
            _wantsRoom = true;
            _worker.Loop.Defer(static state => ((AsyncHttpStream)state!).TellRoom(), this);
        }

        return false;
    }

    /// <summary>
    /// Whether there is a connection with room; if not, <see cref="IAsyncHttpEvents.OnWritable"/> tells when. For who would rather keep
    /// its data than have it lost with a connection that never came.
    /// </summary>
    public bool HasConnection()
    {
        if (_upstream is not null)
        {
            return HasRoom();
        }

        _wantsRoom = true;
        return false;
    }

    /// <summary>
    /// Takes data however much there is: for what is one unit and bounded by its sender, of which a part would be worth nothing.
    /// </summary>
    public void SendWhole(ReadOnlySpan<byte> data, bool end)
    {
        if (IsEnded || _requestEnded || (data.IsEmpty && !end))
        {
            return;
        }

        _requestEnded = end;
        if (_upstream is { } upstream)
        {
            upstream.SendData(data, end);
        }
        else
        {
            _held.Append(_worker.Loop.Buffers, data);
        }
    }

    /// <summary>Ends the request with trailers, which are the stream's own from now on.</summary>
    public void SendTrailers(HeaderMap trailers)
    {
        if (IsEnded || _requestEnded)
        {
            return;
        }

        _requestEnded = true;
        _trailers = trailers;
        _upstream?.SendTrailers(trailers);
    }

    /// <summary>Stops the response's body; what the peer may still send is bounded by its window. Nested calls do not add up.</summary>
    public void Pause()
    {
        if (!_paused)
        {
            _paused = true;
            _upstream?.PauseResponse();
        }
    }

    public void Resume()
    {
        if (_paused)
        {
            _paused = false;
            _upstream?.ResumeResponse();
        }
    }

    /// <summary>
    /// Makes an exchange that has ended ready for another start, for who makes one after the other. Never within one of its own events.
    /// </summary>
    public void Renew()
    {
        Debug.Assert(IsEnded, "An exchange is renewed after its end.");
        IsEnded = false;
        _request = null;
        _trailers = null;
        _cluster = null;
        _http = null;
        _host = null;
        _meter = default;
        _requestEnded = false;
        _responseStarted = false;
        _paused = false;
        _wantsRoom = false;
        ResponseHeaders.Clear();
    }

    /// <summary>Gives the exchange up: the stream is reset, no event comes any more. Does nothing after the end.</summary>
    public void Cancel()
    {
        if (!IsEnded)
        {
            LetGo();
            Finish();
        }
    }

    // IPoolRequester

    public void OnPoolReady(IUpstreamStream stream)
    {
        _pool = null;
        _upstream = stream;
        bool hasBody = _held.Length > 0;
        bool endsWithData = _requestEnded && _trailers is null;
        if (!_request!.Has(WellKnownHeader.Scheme))
        {
            _request.Set(WellKnownHeader.Scheme, stream.Connection.Stream.Tls is null ? "http"u8 : "https"u8);
        }

        stream.SendHeaders(_request, end: endsWithData && !hasBody, isUpgrade: false);
        if (hasBody && _upstream == stream)
        {
            stream.SendData(_held.Span, endsWithData);
        }

        if (_trailers is { } trailers && _upstream == stream)
        {
            stream.SendTrailers(trailers);
        }

        _held.Release();
        if (_paused)
        {
            _upstream?.PauseResponse();
        }

        TellRoom();
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure)
    {
        _pool = null;
        Broken(reason, transportFailure);
    }

    // IUpstreamEvents

    public void OnUpstreamInformational(int status) => ResponseHeaders.Clear();

    public void OnUpstreamHeaders(int status, bool end)
    {
        _responseStarted = true;
        _host!.Monitor.OnStatus(status, _worker.Loop.NowMilliseconds);
        Count(status);
        _http!.Responses.Took(Cells, _worker.Loop.NowMilliseconds - _begin, ResponseOrigin.Own(_host, ResponseHeaders));
        if (end)
        {
            Finish();
        }

        _events.OnHeaders(status, ResponseHeaders, end);
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        if (end)
        {
            Finish();
        }

        _events.OnData(data, end);
    }

    public void OnUpstreamTrailers(HeaderMap trailers)
    {
        Finish();
        _events.OnTrailers(trailers);
    }

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure)
    {
        _upstream = null;
        Cells.Add(_http!.RqRxReset);
        if (!_responseStarted)
        {
            _host!.Monitor.OnResult(OutlierResult.RequestReset, _worker.Loop.NowMilliseconds);
        }

        Broken(reason, transportFailure);
    }

    public void OnUpstreamSendBlocked(bool blocked)
    {
        if (!blocked)
        {
            TellRoom();
        }
    }

    // IClusterUser

    public void OnClusterRemoved()
    {
        LetGo();
        Fail(AsyncFailureKind.ClusterRemoved, default, "cluster_removed");
    }

    private void OnDeadline()
    {
        Cells.Add(_http!.RqTimeout);
        if (!_responseStarted)
        {
            _host!.Monitor.OnResult(OutlierResult.RequestTimeout, _worker.Loop.NowMilliseconds);
            Count(504);
        }

        LetGo();
        Fail(AsyncFailureKind.DeadlineExceeded, default, EndReasons.RequestTimeout.Details);
    }

    private void Broken(StreamResetReason reason, string? transportFailure)
    {
        if (!_responseStarted)
        {
            Count(503);
        }

        string details = StreamResetReasons.EndReason(reason, _responseStarted, transportFailure).Details;
        Fail(new AsyncFailure(AsyncFailureKind.Reset, reason, details, transportFailure));
    }

    private void Count(int status) =>
        _http!.Responses.Count(Cells, status, ResponseOrigin.Own(_host, ResponseHeaders), hidesStatus: false);

    private void TellRoom()
    {
        if (_wantsRoom && !IsEnded && !IsBlocked)
        {
            _wantsRoom = false;
            _events.OnWritable();
        }
    }

    private void Fail(AsyncFailureKind kind, StreamResetReason reset, string details) => Fail(new AsyncFailure(kind, reset, details));

    private void Fail(AsyncFailure failure)
    {
        Finish();
        _events.OnFailed(failure);
    }

    private void LetGo()
    {
        _pool?.GiveUp(this);
        if (_upstream is { } upstream)
        {
            _upstream = null;
            Cells.Add(_http!.RqTxReset);
            upstream.Reset();
        }
    }

    private void Finish()
    {
        IsEnded = true;
        _pool = null;
        _upstream = null;
        _deadline?.Cancel();
        _cluster?.Leave(_membership);
        _held.Release();
    }
}
