using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// One request from its head to its end, whatever the codec: the order of work (header rules, route, filters), the facts, local replies,
/// and the end. Reused by its worker; filters must not keep it beyond <see cref="HttpFilter.OnEnd"/>. Loop-affine.
/// </summary>
public sealed partial class HttpStream
{
    /// <summary>How many levels <see cref="RouteConfigAt"/> knows.</summary>
    internal const int RouteConfigLevels = 4;

    private readonly List<HttpFilter> _filters = [];
    private readonly StreamTimers _timers;
    private RouterFilter? _router;
    private bool _routeChosen;
    private bool _responseSent;
    private bool _chainBuilt;
    private bool _informed;
    private bool _isCountedUpgrade;

    internal HttpStream(HttpWorker worker)
    {
        Worker = worker;
        Request = new RequestDirection(this);
        Response = new ResponseDirection(this);
        _timers = new StreamTimers(this);
    }

    public HttpWorker Worker { get; }

    public EventLoop Loop => Worker.Loop;

    public StreamInfo Info { get; } = new();

    public HeaderMap RequestHeaders { get; } = new();

    public HeaderMap ResponseHeaders { get; } = new();

    public DownstreamConnection Connection { get; private set; } = null!;

    public HcmModel Hcm { get; private set; } = null!;

    public RouteConfigModel? RouteConfig { get; private set; }

    public VirtualHostModel? VirtualHost { get; private set; }

    /// <summary>Null when nothing matches.</summary>
    public RouteModel? Route { get; private set; }

    /// <summary>The chosen one of a route that splits traffic.</summary>
    public WeightedClusterModel? WeightedCluster { get; private set; }

    /// <summary>Whether the client counts as internal to the mesh (x-envoy-internal).</summary>
    public bool IsInternal { get; internal set; }

    /// <summary>A fresh random number: decisions of one request must not depend on each other.</summary>
    public ulong NextRandom() => Worker.Worker.Random.NextUInt64();

    /// <summary>The protocol that the client wants to upgrade to, or null.</summary>
    public string? Upgrade { get; internal set; }

    public bool IsGrpc { get; private set; }

    public bool IsHead { get; private set; }

    /// <summary>What filters (istio.alpn) change about the upstream's transport; part of the pool's key.</summary>
    public UpstreamTransportOverrides? TransportOverrides { get; set; }

    /// <summary>Whether the request was received to its end.</summary>
    public bool IsRequestComplete { get; private set; }

    /// <summary>Whether response headers (not 1xx) went to the codec.</summary>
    public bool IsResponseStarted { get; private set; }

    /// <summary>Whether the proxy answers this request itself.</summary>
    public bool IsReplyLocal { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>Whether it is a tunnel that goes on after its response has ended, until the request has.</summary>
    internal bool OutlivesResponse { get; set; }

    /// <summary>Internal redirects that this request went through: names of the routes they led from and to.</summary>
    internal List<(string From, string To)> Redirects { get; } = [];

    public int FilterCount => _filters.Count;

    public long BufferLimit => Connection.BufferLimitBytes;

    /// <summary>Bytes on loan for the request's and the response's body, apart from the codec's.</summary>
    public long BufferedBytes
    {
        get
        {
            long bytes = Request.BufferedBytes + Response.BufferedBytes;
            foreach (HttpFilter filter in _filters)
            {
                bytes += filter.BufferedBytes;
            }

            return bytes;
        }
    }

    internal RequestDirection Request { get; }

    internal ResponseDirection Response { get; }

    internal IDownstreamStream Codec { get; private set; } = null!;

    internal HttpFilter FilterAt(int position) => _filters[position];

    /// <summary>Begins a request: the head is in <see cref="RequestHeaders"/> when <see cref="OnHead"/> is called.</summary>
    internal void Start(HcmModel hcm, DownstreamConnection connection, IDownstreamStream codec)
    {
        Hcm = hcm;
        Connection = connection;
        Codec = codec;
        RequestHeaders.Clear();
        ResponseHeaders.Clear();
        Info.Start(connection.Info, Loop.WallNow, Loop.NowNanoseconds);
        Info.RequestHeaders = RequestHeaders;
        RouteConfig = null;
        VirtualHost = null;
        Route = null;
        WeightedCluster = null;
        IsInternal = false;
        Upgrade = null;
        HiddenPath = null;
        ConnectPort = null;
        TransportOverrides = null;
        IsGrpc = false;
        IsHead = false;
        IsRequestComplete = false;
        IsResponseStarted = false;
        IsReplyLocal = false;
        IsEnded = false;
        OutlivesResponse = false;
        Redirects.Clear();
        _routeChosen = false;
        _responseSent = false;
        _chainBuilt = false;
        _informed = false;
        Worker.Stats.Add(hcm.Stats.RqTotal);
        Worker.Stats.Increment(hcm.Stats.RqActive);
    }

    internal void OnHead(bool end)
    {
        IsHead = RequestHeaders[WellKnownHeader.Method].SequenceEqual("HEAD"u8);
        IsGrpc = GrpcText.IsGrpcRequest(RequestHeaders);
        if (end)
        {
            // The head was all, and it came with the bytes that began the request: no other clock reading would tell more.
            RequestCompleted(Info.Times.DownstreamReceiveBegin);
        }

        _timers.Start();
        if (!ConnectionHeaders.Sanitize(this) || OverloadRules.Refuse(this) || !RequestRules.Apply(this) || OverloadRules.RefuseChain(this)
            || !EnterChain())
        {
            return;
        }

        Request.Headers(end);
    }

    internal void OnData(ReadOnlySpan<byte> data, bool end)
    {
        Info.BytesReceived += data.Length;
        _timers.Touch();
        if (end)
        {
            RequestCompleted(Loop.NowNanoseconds);
        }

        // After a local reply the rest of the request is of no interest; the codec drains it.
        if (!IsReplyLocal)
        {
            Request.Data(data, end);
        }

        EndIfTunnelIsOver();
    }

    internal void OnTrailers(HeaderMap trailers)
    {
        RequestCompleted(Loop.NowNanoseconds);
        if (!IsReplyLocal)
        {
            Request.Trailers(trailers);
        }

        EndIfTunnelIsOver();
    }

    /// <summary>The client is gone, or its bytes make no sense any more.</summary>
    internal void OnDownstreamReset(EndReason reason)
    {
        Worker.Stats.Add(Hcm.Stats.RqRxReset);
        End(reason, complete: false);
    }

    /// <summary>The overload manager chose this stream to end; its codec resets it.</summary>
    internal void OnMemoryPressure()
    {
        Worker.Stats.Add(Hcm.Stats.RqRxReset);
        End(OverloadRules.TooMuchMemory, complete: false);
    }

    internal void OnSendBlocked(bool blocked) => BlockProducer(blocked);

    /// <summary>Stops reading the request's body; calls are counted.</summary>
    internal void PauseClient() => Codec.PauseRequest();

    internal void ResumeClient() => Codec.ResumeRequest();

    internal void BlockProducer(bool blocked)
    {
        if (_filters.Count > 0)
        {
            _filters[^1].OnDownstreamBlocked(blocked);
        }
    }

    /// <summary>Chooses the route unless it was chosen before. Filters that change what routing looks at clear it first.</summary>
    public RouteModel? ChooseRoute()
    {
        if (_routeChosen)
        {
            return Route;
        }

        _routeChosen = true;
        if (RouteConfig is null || Hcm.Scopes is not null)
        {
            RouteConfig = CurrentRoutes();
        }

        VirtualHost = RouteConfig?.FindHost(RequestHeaders);
        Route = VirtualHost?.FindRoute(RequestHeaders, Info, NextRandom());
        WeightedCluster = null;
        if (Route?.Forward is { WeightedClusters.Length: > 0 } forward)
        {
            WeightedCluster = WeightedChoice.Pick(forward, RequestHeaders, Info, NextRandom());
            Route = WeightedCluster is null ? null : Route;
        }

        Info.RouteName = Route?.Name ?? "";
        Info.VirtualHostName = VirtualHost?.Name ?? "";
        Info.RouteMetadata = Route?.Metadata;
        Info.VirtualHostMetadata = VirtualHost?.Metadata;
        NoteCluster();
        if (Route?.Forward is { } action)
        {
            _timers.ApplyRoute(action);
        }

        return Route;
    }

    /// <summary>The routes in force now; with scoped routes, those of the scope that the headers name as they are now.</summary>
    internal RouteConfigModel? CurrentRoutes() => Hcm.Scopes is { } scopes ? scopes.Find(RequestHeaders) : Hcm.Routes.Current;

    // Records that the router has no part in tell the route's cluster, too: of a request's begin, or of one that a filter answers.
    private void NoteCluster()
    {
        ClusterState? cluster = Route?.Forward is { } forward ? LocalAnswers.Reference(this, forward)?.Current : null;
        Info.ClusterName = cluster?.Name ?? "";
        Info.ClusterObservabilityName = cluster?.Config.ObservabilityName ?? "";
        Info.ClusterMetadata = cluster?.Config.Metadata;
    }

    /// <summary>
    /// Lets the route be chosen anew, from the same route config unless the headers name another scope; its timeouts are the request's then.
    /// </summary>
    public void ClearRouteCache() => _routeChosen = false;

    /// <summary>The most specific per-route config of a filter, or null. A level that only switches the filter on has none.</summary>
    public T? RouteConfigOf<T>(string filterName)
        where T : class
    {
        T? config = null;
        for (int level = 0; level < RouteConfigLevels && config is null; level++)
        {
            config = RouteConfigAt<T>(level, filterName);
        }

        return config;
    }

    /// <summary>The config of one level alone: 0 for the weighted cluster's, then route, virtual host and route config.</summary>
    internal T? RouteConfigAt<T>(int level, string filterName)
        where T : class
    {
        PerRouteConfigs? configs = level switch
        {
            0 => WeightedCluster?.FilterConfigs,
            1 => Route?.FilterConfigs,
            2 => VirtualHost?.FilterConfigs,
            _ => RouteConfig?.FilterConfigs,
        };
        return configs?.Get(filterName)?.Config as T;
    }

    // From the response direction's end to the codec.

    internal void SendHeadersDown(bool end)
    {
        if (!ResponseHeaders.Has(WellKnownHeader.Status))
        {
            // Not through the filters again: one of them did it. What still comes of the body ends with the stream.
            Info.End(EndReasons.ResponseHeadSpoilt);
            ResponseHeaders.Clear();
            ResponseHeaders.SetNumber(WellKnownHeader.Status, 502);
            end = true;
        }

        int status = ResponseRules.Apply(this);
        CountResponse(status);
        Info.ResponseCode = status;
        if (!IsRequestComplete)
        {
            Worker.Stats.Add(Hcm.Stats.RqBeforeComplete);
        }

        Info.ResponseHeaders = ResponseHeaders;
        Info.Times.DownstreamSendBegin = Loop.NowNanoseconds;
        IsResponseStarted = true;
        _timers.ResponseStarted();
        Codec.SendHeaders(ResponseHeaders, status, end);
        if (Hcm.LogsTunnels && IsTunnel(status))
        {
            WriteLog(AccessLogType.DownstreamTunnelSuccessfullyEstablished);
        }

        AfterSend(end);
    }

    internal void SendDataDown(ReadOnlySpan<byte> data, bool end)
    {
        Info.BytesSent += data.Length;
        Codec.SendData(data, end);
        AfterSend(end);
    }

    internal void SendTrailersDown(HeaderMap trailers, bool dropped)
    {
        Info.ResponseTrailers = trailers;
        if (dropped)
        {
            Codec.SendData([], end: true);
        }
        else
        {
            Codec.SendTrailers(trailers);
        }

        AfterSend(end: true);
    }

    /// <summary>The router object of this stream; kept with it, since every request needs one.</summary>
    internal RouterFilter RouterFor(RouterModel model)
    {
        _router ??= new RouterFilter();
        _router.Begin(model);
        return _router;
    }

    /// <summary>Ends the request. The first end wins.</summary>
    internal void End(EndReason reason, bool complete)
    {
        if (IsEnded)
        {
            return;
        }

        IsEnded = true;
        IDownstreamStream codec = Codec;
        if (complete)
        {
            Info.Downstream.WireBytesSent += codec.UnsentWireBytes;
        }

        EndReason final = LeaveChain(reason);
        codec.StreamEnded(final, complete);
    }

    /// <summary>Writes a record of this request to the connection manager's access logs.</summary>
    internal void WriteLog(AccessLogType type)
    {
        if (!Hcm.AccessLogs.IsEmpty)
        {
            Hcm.AccessLogs.Write(Worker.Worker, Info, type);
        }
    }

    private bool IsTunnel(int status) => Upgrade is not null
        ? status == 101
        : status is >= 200 and < 300 && RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);

    /// <summary>An upgrade or CONNECT was let through; it counts as active up to the stream's end.</summary>
    internal void CountUpgrade()
    {
        _isCountedUpgrade = true;
        Worker.Stats.Add(Hcm.Stats.CxUpgradesTotal);
        Worker.Stats.Increment(Hcm.Stats.CxUpgradesActive);
    }

    private EndReason LeaveChain(EndReason reason)
    {
        if (_isCountedUpgrade)
        {
            _isCountedUpgrade = false;
            Worker.Stats.Decrement(Hcm.Stats.CxUpgradesActive);
        }

        _timers.Stop();
        Info.End(reason);
        Info.Times.DownstreamSendEnd = Loop.NowNanoseconds;
        for (int i = 0; i < _filters.Count; i++)
        {
            _filters[i].OnEnd(Info);
        }

        Record();
        _filters.Clear();
        Request.Reset();
        Response.Reset();
        return Info.EndReason!;
    }

    /// <summary>Gives the object back; the codec calls it last.</summary>
    internal void Recycle() => Worker.Return(this);

    private void RequestCompleted(long nowNanoseconds)
    {
        IsRequestComplete = true;
        Info.Times.DownstreamReceiveEnd = nowNanoseconds;
        _timers.RequestCompleted();
    }

    private void AfterSend(bool end)
    {
        _timers.Touch();
        if (end && !_responseSent)
        {
            _responseSent = true;
            if (!OutlivesResponse || IsRequestComplete)
            {
                End(EndReasons.ViaUpstream, complete: true);
            }
        }
    }

    // The other direction ended first.
    private void EndIfTunnelIsOver()
    {
        if (_responseSent && IsRequestComplete && OutlivesResponse)
        {
            End(EndReasons.ViaUpstream, complete: true);
        }
    }

    private PerRouteConfig? FindPerRoute(string filterName)
    {
        if (WeightedCluster is { } weighted && weighted.FilterConfigs.Get(filterName) is { } ofCluster)
        {
            return ofCluster;
        }

        return Route?.FilterConfigs.Get(filterName) ?? VirtualHost?.FilterConfigs.Get(filterName)
            ?? RouteConfig?.FilterConfigs.Get(filterName);
    }

    private void Record()
    {
        Stats.StatCells cells = Worker.Stats;
        HcmStats stats = Hcm.Stats;
        cells.Decrement(stats.RqActive);
        cells.Record(stats.RqTime, (Info.Times.DownstreamSendEnd - Info.Times.DownstreamReceiveBegin) / 1_000_000);
        WriteLog(AccessLogType.DownstreamEnd);
    }
}
