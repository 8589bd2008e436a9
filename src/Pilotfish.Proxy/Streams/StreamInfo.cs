using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Streams;

/// <summary>
/// Everything the access log and filters may ask about one HTTP request or one TCP connection. One loop writes and reads it; HTTP streams
/// reuse their instance, so nobody keeps it after the stream's end.
/// </summary>
public sealed class StreamInfo
{
    /// <summary>Moments in loop time; public field so that hot code writes its members in place.</summary>
    public TimingPoints Times;

    public ByteMeter Downstream;
    public ByteMeter UpstreamBytes;
    public UpstreamFacts Upstream;

    private FilterState? _filterState;
    private DynamicMetadata? _metadata;

    public ConnectionInfo Connection { get; private set; } = null!;

    public DateTimeOffset StartTime { get; private set; }

    /// <summary>The client of this request: the connection's, or what trusted X-Forwarded-For entries say.</summary>
    public NetAddress ClientAddress { get; set; }

    public HttpProtocol Protocol { get; set; }

    /// <summary>0 = no response started.</summary>
    public int ResponseCode { get; set; }

    public ResponseFlags Flags { get; set; }

    /// <summary>Set exactly once, by <see cref="End"/>; null while the stream lives.</summary>
    public EndReason? EndReason { get; private set; }

    /// <summary>Overrides the end reason's details, for filters that answer with their own.</summary>
    public string? ResponseCodeDetails { get; set; }

    public string? ConnectionTerminationDetails { get; set; }

    /// <summary>Body bytes received from the client (TCP: all bytes).</summary>
    public long BytesReceived { get; set; }

    /// <summary>Body bytes sent to the client (TCP: all bytes).</summary>
    public long BytesSent { get; set; }

    public IHeaderReader? RequestHeaders { get; set; }

    public IHeaderReader? ResponseHeaders { get; set; }

    public IHeaderReader? ResponseTrailers { get; set; }

    public string RouteName { get; set; } = "";

    public string VirtualHostName { get; set; } = "";

    public string VirtualClusterName { get; set; } = "";

    /// <summary><c>%UPSTREAM_CLUSTER_RAW%</c>; empty until a cluster was chosen.</summary>
    public string ClusterName { get; set; } = "";

    /// <summary><c>%UPSTREAM_CLUSTER%</c>: alt_stat_name where the cluster has one.</summary>
    public string ClusterObservabilityName { get; set; } = "";

    public DynamicMetadata? RouteMetadata { get; set; }

    public DynamicMetadata? VirtualHostMetadata { get; set; }

    public DynamicMetadata? ClusterMetadata { get; set; }

    public bool IsHealthCheck { get; set; }

    /// <summary>The id of a stream that is no request; a request has its x-request-id.</summary>
    public Guid StreamId { get; set; }

    public string? TraceId { get; set; }

    public bool IsTraceSampled { get; set; }

    /// <summary>Body of a local reply (<c>%LOCAL_REPLY_BODY%</c>).</summary>
    public string? LocalReplyBody { get; set; }

    public string CustomFlags { get; set; } = "";

    public long UpstreamTransferBeginNanoseconds => Times.UpstreamSendBegin;

    /// <summary>Null when nothing was stored; falls back to the connection's objects.</summary>
    public FilterState? FilterState => _filterState is { Entries.Count: > 0 } ? _filterState : Connection.FilterState;

    public DynamicMetadata? Metadata => _metadata;

    public FilterState EnsureFilterState()
    {
        if (_filterState is null || _filterState.Connection != Connection.FilterState)
        {
            FilterState? before = _filterState;
            _filterState = new FilterState(Connection.FilterState);
            if (before is not null)
            {
                foreach (FilterState.Entry entry in before.Entries)
                {
                    _filterState.Set(entry.Name, entry.Value, entry.ReadOnly, entry.Sharing);
                }
            }
        }

        return _filterState;
    }

    public DynamicMetadata EnsureMetadata() => _metadata ??= new DynamicMetadata();

    /// <summary>Begins a stream's life: forgets the former stream's facts.</summary>
    public void Start(ConnectionInfo connection, DateTimeOffset wallNow, long nowNanoseconds)
    {
        Connection = connection;
        StartTime = wallNow;
        ClientAddress = connection.RemoteAddress;
        Times = default;
        Times.DownstreamReceiveBegin = nowNanoseconds;
        Downstream = default;
        UpstreamBytes = default;
        Upstream = default;
        Protocol = HttpProtocol.None;
        ResponseCode = 0;
        Flags = default;
        EndReason = null;
        ResponseCodeDetails = null;
        ConnectionTerminationDetails = null;
        BytesReceived = 0;
        BytesSent = 0;
        RequestHeaders = null;
        ResponseHeaders = null;
        ResponseTrailers = null;
        RouteName = "";
        VirtualHostName = "";
        VirtualClusterName = "";
        ClusterName = "";
        ClusterObservabilityName = "";
        RouteMetadata = null;
        VirtualHostMetadata = null;
        ClusterMetadata = null;
        IsHealthCheck = false;
        StreamId = default;
        TraceId = null;
        IsTraceSampled = false;
        LocalReplyBody = null;
        CustomFlags = "";
        _filterState?.Clear();
        _metadata?.Clear();
        if (connection.Metadata is { } known)
        {
            foreach ((string name, MetadataValue fields) in known.Namespaces)
            {
                EnsureMetadata().Set(name, fields);
            }
        }
    }

    /// <summary>
    /// Begins anew within one request, after an internal redirect: what was found is forgotten; when the request began and what its client
    /// sent and was sent stay.
    /// </summary>
    public void StartAnew()
    {
        (HttpProtocol protocol, NetAddress client, long received) = (Protocol, ClientAddress, BytesReceived);
        (ByteMeter downstream, IHeaderReader? headers) = (Downstream, RequestHeaders);
        Start(Connection, StartTime, Times.DownstreamReceiveBegin);
        (Protocol, ClientAddress, BytesReceived) = (protocol, client, received);
        (Downstream, RequestHeaders) = (downstream, headers);
    }

    /// <summary>Records why the stream ended. The first reason wins: what follows an end is its consequence.</summary>
    public void End(EndReason reason)
    {
        if (EndReason is not null)
        {
            return;
        }

        EndReason = reason;
        Flags |= reason.Flags;
        if (reason.TransportFailure is not null)
        {
            Upstream.TransportFailure ??= reason.TransportFailure;
        }
    }

    /// <summary>What <c>%RESPONSE_CODE_DETAILS%</c> prints before blanks are replaced; null while the stream lives.</summary>
    public string? Details => ResponseCodeDetails ?? EndReason?.Details;
}
