using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// One attempt of a router at one host: what it waits for, what it holds, and its own timers. A request has one at a time, reused by its
/// retries, and several only while it is hedged. Its events go to the router, which decides. Loop-affine.
/// </summary>
/// <param name="router">Whose request this is.</param>
internal sealed class UpstreamAttempt(RouterFilter router) : IPoolRequester, IUpstreamEvents
{
    private AttemptTimers? _timers;
    private AttemptLog? _keptLog;

    public IUpstreamEvents Events => this;

    public bool IsUpgrade => router.IsUpgrade;

    // A head is parsed whole and told of at once, so attempts that run side by side never mix theirs.
    public HeaderMap ResponseHeaders => router.ResponseHeaders;

    public ref ByteMeter Meter => ref router.Meter;

    public Host? Host { get; private set; }

    /// <summary>Where it waits for a connection; null when it does not.</summary>
    public IUpstreamHttpPool? Pool { get; private set; }

    /// <summary>Its stream, from the pool's answer to the response's end.</summary>
    public IUpstreamStream? Stream { get; private set; }

    /// <summary>The connection that its pool gave it, also when the stream has ended.</summary>
    public UpstreamConnection? Connection { get; private set; }

    public HttpProtocol Protocol { get; private set; }

    /// <summary>The upstream_log's part of it; null where the router has none.</summary>
    public AttemptLog? Log { get; private set; }

    public bool IsInFlight => Pool is not null || Stream is not null;

    /// <summary>It was silent for too long and goes on beside another one that was begun for it.</summary>
    public bool IsHedged { get; set; }

    /// <summary>Whether its host heard of a timeout already.</summary>
    public bool TimeoutTold { get; set; }

    /// <summary>When it asked its pool, in the loop's nanoseconds.</summary>
    public long Begin { get; private set; }

    /// <summary>Bytes of body that its connection was given.</summary>
    public long BodySent { get; set; }

    public long BodyReceived { get; private set; }

    /// <summary>Of the response's head; 0 while none came.</summary>
    public int ResponseHeaderBytes { get; private set; }

    /// <summary>Fields of the response's head; 0 while none came.</summary>
    public int ResponseHeaderCount { get; private set; }

    /// <summary>Whether its host, or the latest head of its response, says that it is a canary.</summary>
    public bool IsCanary { get; private set; }

    /// <summary>When its pool answered, in the loop's nanoseconds.</summary>
    public long Ready { get; private set; }

    private AttemptTimers Timers => _timers ??= new AttemptTimers(router, this);

    /// <summary>A host was picked; <see cref="Acquire"/> follows.</summary>
    public void Start(Host host, long nowNanoseconds)
    {
        Host = host;
        Connection = null;
        Begin = nowNanoseconds;
        Ready = 0;
        BodySent = 0;
        BodyReceived = 0;
        ResponseHeaderBytes = 0;
        ResponseHeaderCount = 0;
        IsCanary = host.IsCanary;
        IsHedged = false;
        TimeoutTold = false;
        Log = router.Model.UpstreamLogs.IsEmpty ? null : _keptLog ??= new AttemptLog(router.Owner);
        Log?.Begin(router.Model, host);
    }

    public void Acquire(IUpstreamHttpPool pool)
    {
        Pool = pool;
        pool.Acquire(this);
    }

    /// <summary>Nothing more comes of it: the response is whole, or it failed.</summary>
    public void Over()
    {
        Leave();
        Log?.End();
    }

    /// <summary>Gives it up wherever it stands; true when a stream had to be reset for that.</summary>
    public bool Abandon()
    {
        IUpstreamHttpPool? pool = Pool;
        IUpstreamStream? stream = Stream;
        Leave();
        pool?.GiveUp(this);
        stream?.Reset();
        Log?.End();
        return stream is not null;
    }

    /// <summary>The request ended: hosts of clusters that went must not live on in requests that wait to be used again.</summary>
    public void Forget()
    {
        Host = null;
        Connection = null;
        IsHedged = false;
    }

    /// <summary>per_try_timeout, in milliseconds from now.</summary>
    public void LimitTry(long milliseconds) => Timers.Try(milliseconds);

    /// <summary>per_try_idle_timeout, in milliseconds from now.</summary>
    public void LimitIdle(long milliseconds) => Timers.Idle(milliseconds);

    /// <summary>max_stream_duration of the exchange, in milliseconds from now.</summary>
    public void LimitDuration(long milliseconds) => Timers.Duration(milliseconds);

    /// <summary>A response began: it may take longer than a try.</summary>
    public void ResponseStarted() => _timers?.CancelTry();

    public void OnPoolReady(IUpstreamStream stream)
    {
        Pool = null;
        Stream = stream;
        Connection = stream.Connection;
        Protocol = stream.Protocol;
        Ready = router.Now;
        router.OnReady(this, stream);
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure)
    {
        Ready = router.Now;
        Log?.Failed(reason, transportFailure);
        Over();
        router.OnPoolFailure(this, reason, transportFailure);
    }

    public bool KeepsSending => router.KeepsSending;

    public void OnUpstreamInformational(int status)
    {
        IsCanary = Host!.IsCanary || ResponseOrigin.SaysCanary(ResponseHeaders);
        router.OnInformational(this, status);
    }

    public void OnUpstreamHeaders(int status, bool end)
    {
        router.UpstreamFilters?.OnResponseHeaders(ResponseHeaders, router.Owner.Info, router.Owner.Worker.Scratch);
        Log?.Headers(status, ResponseHeaders, end);
        ResponseHeaderBytes = ResponseHeaders.ByteSize;
        ResponseHeaderCount = ResponseHeaders.Count;
        IsCanary = Host!.IsCanary || ResponseOrigin.SaysCanary(ResponseHeaders);
        if (ResponseHeaders.Has(WellKnownHeader.XEnvoyImmediateHealthCheckFail))
        {
            Host.Monitor.OnImmediateFailure();
        }

        if (end)
        {
            Over();
        }

        router.OnHeaders(this, status, end);
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        Log?.Received(data.Length, end);
        BodyReceived += data.Length;
        if (end && !KeepsSending)
        {
            Over();
        }

        router.OnData(this, data, end);
    }

    public void OnUpstreamTrailers(HeaderMap trailers)
    {
        router.UpstreamFilters?.OnResponseTrailers(trailers, router.Owner.Info, router.Owner.Worker.Scratch);
        Log?.Trailers(trailers);
        if (!KeepsSending)
        {
            Over();
        }

        router.OnTrailers(trailers);
    }

    public void OnUpstreamMetadata(HeaderMap metadata) => router.Owner.SendMetadataDown(metadata);

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure)
    {
        Log?.Failed(reason, transportFailure);
        Over();
        router.OnReset(this, reason, transportFailure);
    }

    public void OnUpstreamSendBlocked(bool blocked) => router.OnSendBlocked(blocked);

    private void Leave()
    {
        if (IsInFlight)
        {
            router.Track(this);
        }

        Pool = null;
        Stream = null;
        _timers?.Stop();
    }
}
