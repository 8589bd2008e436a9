using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// A copy of a request for a mirror cluster. It starts when the request is complete, runs on its own, and its response is thrown away.
/// </summary>
internal sealed class ShadowRequest : IPoolRequester, IUpstreamEvents
{
    private readonly Worker _worker;
    private readonly HeaderMap _request = new();
    private readonly ClusterReference _cluster;
    private readonly long _timeoutMilliseconds;
    private LoopTimer? _timer;
    private HeaderMap? _trailers;
    private BodyBuffer _body;
    private ByteMeter _meter;
    private IUpstreamHttpPool? _pool;
    private IUpstreamStream? _upstream;

    public ShadowRequest(HttpStream stream, MirrorPolicyModel policy, ClusterReference cluster, long timeoutMilliseconds)
    {
        _worker = stream.Worker.Worker;
        _cluster = cluster;
        _request.CopyFrom(stream.RequestHeaders);
        policy.Mutations.Apply(_request, stream.Info, stream.Worker.Scratch);
        RewriteHost(policy);
        _timeoutMilliseconds = timeoutMilliseconds;
    }

    public IUpstreamEvents Events => this;

    public HeaderMap ResponseHeaders { get; } = new();

    public ref ByteMeter Meter => ref _meter;

    /// <summary>Sends the copy; the body must stay within what the request's own buffer limit allowed. Its time begins.</summary>
    public void Send(ReadOnlySpan<byte> body, HeaderMap? trailers)
    {
        if (_cluster.Current is not { } state)
        {
            End();
            return;
        }

        _body.Append(_worker.Loop.Buffers, body);
        WorkerCluster cluster = _worker.Cluster(state);
        HostPick pick = cluster.Drop() is { } dropped ? HostPick.None(dropped) : cluster.Pick(default);
        if (pick.Host is not { } host)
        {
            End();
            return;
        }

        if (HostHttpPools.Of(cluster, host, RoutingPriority.Default, null, HttpProtocol.Http11) is not { } pool)
        {
            End();
            return;
        }

        if (trailers is not null)
        {
            _trailers = new HeaderMap();
            _trailers.CopyFrom(trailers);
        }

        if (_timeoutMilliseconds > 0)
        {
            _timer = new LoopTimer(_worker.Loop, static state => ((ShadowRequest)state!).GiveUp(), this);
            _timer.Schedule(_timeoutMilliseconds);
        }

        _pool = pool;
        pool.Acquire(this);
    }

    public void OnPoolReady(IUpstreamStream stream)
    {
        _pool = null;
        _upstream = stream;
        bool hasBody = _body.Length > 0;
        stream.SendHeaders(_request, end: !hasBody && _trailers is null, isUpgrade: false);
        if (hasBody)
        {
            stream.SendData(_body.Span, end: _trailers is null);
        }

        if (_trailers is not null)
        {
            stream.SendTrailers(_trailers);
        }

        _body.Release();
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure)
    {
        _pool = null;
        End();
    }

    public void OnUpstreamInformational(int status) => ResponseHeaders.Clear();

    public void OnUpstreamHeaders(int status, bool end)
    {
        if (end)
        {
            End();
        }
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        if (end)
        {
            End();
        }
    }

    public void OnUpstreamTrailers(HeaderMap trailers) => End();

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure) => End();

    public void OnUpstreamSendBlocked(bool blocked)
    {
    }

    private void RewriteHost(MirrorPolicyModel policy)
    {
        if (policy.HostRewrite is { } host)
        {
            _request.Set(WellKnownHeader.Authority, host);
        }
        else if (policy.AppendsShadowSuffix)
        {
            ReadOnlySpan<byte> authority = _request[WellKnownHeader.Authority];
            int port = HostText.PortColon(authority);
            port = port < 0 ? authority.Length : port;
            _request.Set(WellKnownHeader.Authority, [.. authority[..port], .. "-shadow"u8, .. authority[port..]]);
        }
    }

    private void GiveUp()
    {
        _pool?.GiveUp(this);
        _upstream?.Reset();
        End();
    }

    private void End()
    {
        _pool = null;
        _upstream = null;
        _timer?.Cancel();
        _body.Release();
    }
}
