using System.Buffers.Text;
using Pilotfish.Language.Cel;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>
/// Where the attributes of expressions come from: the facts of a <see cref="StreamInfo"/>. Texts that an access-log operator
/// prints are taken from that operator, so an expression and a record never disagree.
/// </summary>
internal sealed class StreamAttributes : ICelBinding
{
    private static readonly Dictionary<string, string> s_operators = new(StringComparer.Ordinal)
    {
        ["request.path"] = "REQ(:PATH)",
        ["request.url_path"] = "REQ_WITHOUT_QUERY(:PATH)",
        ["request.host"] = "REQ(:AUTHORITY)",
        ["request.scheme"] = "REQ(:SCHEME)",
        ["request.method"] = "REQ(:METHOD)",
        ["request.referer"] = "REQ(REFERER)",
        ["request.useragent"] = "REQ(USER-AGENT)",
        ["request.id"] = "REQ(X-REQUEST-ID)",
        ["request.protocol"] = "PROTOCOL",
        ["response.code_details"] = "RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)",
        ["source.address"] = "DOWNSTREAM_REMOTE_ADDRESS",
        ["destination.address"] = "DOWNSTREAM_LOCAL_ADDRESS",
        ["connection.requested_server_name"] = "REQUESTED_SERVER_NAME",
        ["connection.tls_version"] = "DOWNSTREAM_TLS_VERSION",
        ["connection.subject_local_certificate"] = "DOWNSTREAM_LOCAL_SUBJECT",
        ["connection.subject_peer_certificate"] = "DOWNSTREAM_PEER_SUBJECT",
        ["connection.dns_san_local_certificate"] = "DOWNSTREAM_LOCAL_DNS_SAN",
        ["connection.dns_san_peer_certificate"] = "DOWNSTREAM_PEER_DNS_SAN",
        ["connection.uri_san_local_certificate"] = "DOWNSTREAM_LOCAL_URI_SAN",
        ["connection.uri_san_peer_certificate"] = "DOWNSTREAM_PEER_URI_SAN",
        ["connection.sha256_peer_certificate_digest"] = "DOWNSTREAM_PEER_FINGERPRINT_256",
        ["connection.transport_failure_reason"] = "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
        ["connection.termination_details"] = "CONNECTION_TERMINATION_DETAILS",
        ["upstream.address"] = "UPSTREAM_HOST",
        ["upstream.local_address"] = "UPSTREAM_LOCAL_ADDRESS",
        ["upstream.tls_version"] = "UPSTREAM_TLS_VERSION",
        ["upstream.subject_peer_certificate"] = "UPSTREAM_PEER_SUBJECT",
        ["upstream.dns_san_local_certificate"] = "UPSTREAM_LOCAL_DNS_SAN",
        ["upstream.dns_san_peer_certificate"] = "UPSTREAM_PEER_DNS_SAN",
        ["upstream.uri_san_local_certificate"] = "UPSTREAM_LOCAL_URI_SAN",
        ["upstream.uri_san_peer_certificate"] = "UPSTREAM_PEER_URI_SAN",
        ["upstream.transport_failure_reason"] = "UPSTREAM_TRANSPORT_FAILURE_REASON",
        ["xds.cluster_name"] = "UPSTREAM_CLUSTER_RAW",
        ["xds.route_name"] = "ROUTE_NAME",
        ["xds.filter_chain_name"] = "FILTER_CHAIN_NAME",
    };

    public static StreamAttributes Instance { get; } = new();

    public CelAttributeReader Bind(string path) =>
        s_operators.TryGetValue(path, out string? operatorText) ? OperatorText(operatorText) : path switch
        {
            "request.headers" => static a => Headers(Of(a).RequestHeaders),
            "response.headers" => static a => Headers(Of(a).ResponseHeaders),
            "response.trailers" => static a => Headers(Of(a).ResponseTrailers),
            "upstream.subject_local_certificate" => OperatorText(TlsOperators.UpstreamLocalSubject),
            "upstream.sha256_peer_certificate_digest" => OperatorText(TlsOperators.UpstreamPeerDigest),
            "request.query" => Query,
            "request.time" => static a => CelValue.OfTimestamp(Of(a).StartTime),
            "request.duration" => RequestDuration,
            "request.size" => RequestSize,
            "request.total_size" => static a => CelValue.Of(Of(a).BytesReceived + (Of(a).RequestHeaders?.ByteSize ?? 0)),
            "response.code" => static a => Of(a).ResponseCode is var code and not 0 ? CelValue.Of((long)code) : CelValue.Absent,
            "response.flags" => static a => CelValue.Of((long)Of(a).Flags.Bits),
            "response.grpc_status" => static a => GrpcStatus.Of(Of(a)) is var s and >= 0 ? CelValue.Of((long)s) : CelValue.Absent,
            "response.size" => static a => CelValue.Of(Of(a).BytesSent),
            "response.total_size" => static a => CelValue.Of(
                Of(a).BytesSent + (Of(a).ResponseHeaders?.ByteSize ?? 0) + (Of(a).ResponseTrailers?.ByteSize ?? 0)),
            "response.backend_latency" => static a => Between(Of(a).Times.UpstreamSendEnd, Of(a).Times.UpstreamReceiveEnd),
            "source.port" => static a => Port(Of(a).ClientAddress),
            "destination.port" => static a => Port(Of(a).Connection.LocalAddress),
            "connection.id" => static a => CelValue.OfUnsigned((ulong)Of(a).Connection.Id),
            "connection.mtls" => static a => CelValue.Of(Of(a).Connection.Tls?.PeerCertificate is not null),
            "upstream.port" => static a => Of(a).Upstream.HasHost ? Port(Of(a).Upstream.HostAddress) : CelValue.Absent,
            "upstream.request_attempt_count" => static a => CelValue.Of((long)Of(a).Upstream.AttemptCount),
            "upstream.cx_pool_ready_duration" => static a =>
                Between(Of(a).Times.UpstreamRequestBegin, Of(a).Times.UpstreamPoolReady),
            "xds.virtual_host_name" => static a => a.TextOf(Of(a).VirtualHostName),
            "metadata.filter_metadata" => static a => Metadata(Of(a).Metadata),
            "xds.cluster_metadata.filter_metadata" => static a => Metadata(Of(a).ClusterMetadata),
            "xds.route_metadata.filter_metadata" => static a => Metadata(Of(a).RouteMetadata),
            "xds.virtual_host_metadata.filter_metadata" => static a => Metadata(Of(a).VirtualHostMetadata),
            "xds.upstream_host_metadata.filter_metadata" => static a => Metadata(Of(a).Upstream.HostMetadata),
            "xds.listener_metadata.filter_metadata" => static a => Metadata(Of(a).Connection.ListenerMetadata),
            "xds.node" => static a => Of(a).Connection.Node is { } node ? CelValue.OfMap(MetadataContainer.Values, node.Facts) : CelValue.Absent,
            "xds.listener_direction" => static a => CelValue.Of((long)Of(a).Connection.ListenerDirection),
            "filter_state" => static a => CelValue.OfMap(FilterStateContainer.Instance, Of(a)),

            // The stream does not carry them: absent, as for a stream that lacks the fact.
            "upstream_filter_state" => static _ => CelValue.Absent,
            _ => throw new ArgumentOutOfRangeException(nameof(path), path, "Every attribute of the table needs a reader."),
        };

    private static StreamInfo Of(CelActivation activation) => (StreamInfo)activation.Source!;

    private static CelAttributeReader OperatorText(string text) =>
        OperatorText(FormatOperators.Compile(FormatTemplate.Parse($"%{text}%").SingleOperator!));

    private static CelAttributeReader OperatorText(FormatOperation operation)
    {
        return activation =>
        {
            if (!activation.HasRoom(0))
            {
                return CelValue.Error("the evaluation makes too much text");
            }

            int start = activation.Scratch.Length;
            FormatSource source = new(Of(activation), AccessLogType.NotSet);
            return operation(in source, activation.Scratch) == FormatValueKind.Missing
                ? CelValue.Absent
                : CelValue.OfString(activation.TextSince(start));
        };
    }

    private static CelValue Headers(IHeaderReader? headers) => CelValue.OfMap(HeaderContainer.Instance, headers);

    private static CelValue Query(CelActivation activation)
    {
        if (Of(activation).RequestHeaders?.TryGet(WellKnownHeader.Path, out ReadOnlySpan<byte> path) != true)
        {
            return CelValue.Absent;
        }

        int question = path.IndexOf((byte)'?');
        if (question < 0)
        {
            return CelValue.OfString(default);
        }

        ReadOnlySpan<byte> query = path[(question + 1)..];
        int fragment = query.IndexOf((byte)'#');
        return CelValue.OfString(fragment < 0 ? query : query[..fragment]);
    }

    // What the client announced, which is known before the body is; a body without length is as long as what came of it.
    private static CelValue RequestSize(CelActivation activation)
    {
        StreamInfo info = Of(activation);
        if (info.RequestHeaders?.TryGet(WellKnownHeader.ContentLength, out ReadOnlySpan<byte> digits) != true)
        {
            return CelValue.Of(info.BytesReceived);
        }

        return Utf8Parser.TryParse(digits, out long length, out int used) && used == digits.Length ? CelValue.Of(length) : CelValue.Absent;
    }

    private static CelValue RequestDuration(CelActivation activation)
    {
        ref readonly TimingPoints times = ref Of(activation).Times;
        long end = times.DownstreamSendEnd is var sent and not 0
            ? sent
            : Runtime.Loops.EventLoop.CurrentOrNull?.NowNanoseconds ?? 0;
        return Between(times.DownstreamReceiveBegin, end);
    }

    private static CelValue Between(long begin, long end) =>
        begin == 0 || end == 0 ? CelValue.Absent : CelValue.OfDuration(end - begin);

    private static CelValue Port(Runtime.Sockets.NetAddress address) =>
        address.IsIp ? CelValue.Of((long)address.Port) : CelValue.Absent;

    private static CelValue Metadata(DynamicMetadata? metadata) => CelValue.OfMap(MetadataContainer.Namespaces, metadata);
}
