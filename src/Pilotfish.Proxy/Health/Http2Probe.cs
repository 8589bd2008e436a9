using System.Diagnostics;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Health;

/// <summary>
/// One request over HTTP/2, whose answer a subclass judges. It goes through a pool of its own towards a likeness of the host, so that no breaker,
/// no statistic and no load of the traffic's counts it. Main loop.
/// </summary>
/// <param name="cluster">The checks' own side of the cluster, whose statistics nobody sees.</param>
/// <param name="host">The host to ask.</param>
/// <param name="policy">How.</param>
internal abstract class Http2Probe(WorkerCluster cluster, Host host, HealthCheckPolicy policy)
    : HealthProbe(cluster, host, policy), IPoolRequester, IUpstreamEvents
{
    private ByteMeter _meter;
    private Http2Pool? _pool;
    private HostConfig? _askedConfig;
    private IUpstreamStream? _stream;
    private TaskCompletionSource<ProbeResult>? _pending;

    public IUpstreamEvents Events => this;

    public HeaderMap ResponseHeaders { get; } = new();

    public ref ByteMeter Meter => ref _meter;

    /// <summary>What is sent behind the head; may be empty.</summary>
    protected abstract ReadOnlyMemory<byte> Body { get; }

    public override ValueTask<ProbeResult> CheckAsync()
    {
        Debug.Assert(_pending is null, "Checks of one host follow each other.");
        IsToldToExclude = false;
        Begin();

        // Its continuation runs where the answer is read, on this loop.
        var pending = new TaskCompletionSource<ProbeResult>();
        _pending = pending;
        Pool().Acquire(this);
        return new ValueTask<ProbeResult>(pending.Task);
    }

    public override void Abort()
    {
        base.Abort();
        _pool?.GiveUp(this);
        IUpstreamStream? stream = _stream;
        _stream = null;
        stream?.Reset();
        Finish(ProbeResult.Network, keeps: false);
    }

    public void OnPoolReady(IUpstreamStream stream)
    {
        _stream = stream;
        var headers = new HeaderMap();
        Write(headers, isSecure: stream.Connection.Stream.Tls is not null);
        stream.SendHeaders(headers, end: Body.IsEmpty, isUpgrade: false);
        if (!Body.IsEmpty && _stream == stream)
        {
            stream.SendData(Body.Span, end: true);
        }
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure) => Finish(ProbeResult.Network, keeps: false);

    public void OnUpstreamInformational(int status) => ResponseHeaders.Clear();

    public void OnUpstreamHeaders(int status, bool end)
    {
        Head(status);
        if (end)
        {
            End(ResponseHeaders);
        }
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        Data(data);
        if (end)
        {
            End(null);
        }
    }

    public void OnUpstreamTrailers(HeaderMap trailers) => End(trailers);

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure)
    {
        _stream = null;
        Finish(ProbeResult.Network, keeps: false);
    }

    public void OnUpstreamSendBlocked(bool blocked)
    {
    }

    /// <summary>A check begins: what is left of the one before goes.</summary>
    protected abstract void Begin();

    /// <summary>Writes the request's head.</summary>
    protected abstract void Write(HeaderMap headers, bool isSecure);

    /// <summary>The answer's head is in <see cref="ResponseHeaders"/>.</summary>
    protected abstract void Head(int status);

    protected abstract void Data(ReadOnlySpan<byte> data);

    /// <param name="last">Trailers, or the head when nothing else came; null when the body ended the answer.</param>
    protected abstract ProbeResult Judge(HeaderMap? last);

    private void End(HeaderMap? last)
    {
        _stream = null;
        Finish(Judge(last), Policy.ReusesConnection);
    }

    private void Finish(ProbeResult result, bool keeps)
    {
        if (!keeps)
        {
            DropPool();
        }

        TaskCompletionSource<ProbeResult>? pending = _pending;
        _pending = null;
        pending?.SetResult(result);
    }

    // Another version of the endpoint may be reached in another way.
    private Http2Pool Pool()
    {
        if (!ReferenceEquals(_askedConfig, Host.Config))
        {
            DropPool();
        }

        if (_pool is null)
        {
            _askedConfig = Host.Config;
            var likeness = new Host(Host.Config with { Address = Address(), AdditionalAddresses = [] }, workerCount: 1, addedAtMilliseconds: 0);
            _pool = new Http2Pool(Cluster, likeness, RoutingPriority.Default, Policy.ApplicationProtocols is { } protocols
                ? new UpstreamTransportOverrides { ApplicationProtocols = protocols }
                : null);
        }

        return _pool;
    }

    private void DropPool()
    {
        Http2Pool? pool = _pool;
        _pool = null;
        pool?.Drain();
    }
}
