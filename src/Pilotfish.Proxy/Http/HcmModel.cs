using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>A connection manager's compiled config. Immutable except for what its slots follow; shared by all workers.</summary>
public sealed class HcmModel
{
    public const long DefaultIdleTimeoutMilliseconds = 3_600_000;
    public const long DefaultStreamIdleTimeoutMilliseconds = 300_000;
    public const long DefaultDelayedCloseMilliseconds = 1000;
    public const long DefaultDrainTimeoutMilliseconds = 5000;

    public required string StatPrefix { get; init; }

    public required HcmStats Stats { get; init; }

    public required RouteConfigSlot Routes { get; init; }

    /// <summary>scoped_routes: which routes a request has depends on its headers; <see cref="Routes"/> is empty then. Null without.</summary>
    public ScopedRoutesSlot? Scopes { get; init; }

    /// <summary>In chain order; the last is terminal.</summary>
    public required IReadOnlyList<HttpFilterSlot> Filters { get; init; }

    /// <summary>For cluster_header, which names a cluster only at run time.</summary>
    public ClusterReferences Clusters { get; init; } = new();

    public AccessLogSet AccessLogs { get; init; } = AccessLogSet.Empty;

    /// <summary>access_log_options.access_log_flush_interval: how often a request under way is logged; 0 = never.</summary>
    public long AccessLogMilliseconds { get; init; }

    /// <summary>access_log_options.flush_access_log_on_new_request.</summary>
    public bool LogsNewRequests { get; init; }

    /// <summary>access_log_options.flush_log_on_tunnel_successfully_established.</summary>
    public bool LogsTunnels { get; init; }

    public LocalReplyRules LocalReplies { get; init; } = LocalReplyRules.None;

    public Http1Limits Limits { get; init; } = Http1Limits.Request;

    /// <summary>codec_type: HTTP/1, HTTP/2, or whichever the client turns out to speak.</summary>
    public CodecKind Codec { get; init; }

    public Http2Options Http2 { get; init; } = Http2Options.Default;

    public required Http2Stats Http2Stats { get; init; }

    public UpgradePolicy Upgrades { get; init; } = UpgradePolicy.None;

    /// <summary>The chains of upgrade_configs that bring their own, by lower-case upgrade type.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<HttpFilterSlot>> UpgradeFilters { get; init; } =
        new Dictionary<string, IReadOnlyList<HttpFilterSlot>>();

    /// <summary>http1_safe_max_connection_duration: an HTTP/1 connection past its duration ends with its next response only.</summary>
    public bool EndsHttp1WithResponse { get; init; }

    // Connection.
    public long IdleTimeoutMilliseconds { get; init; } = DefaultIdleTimeoutMilliseconds;
    public long MaxConnectionDurationMilliseconds { get; init; }
    public long DelayedCloseMilliseconds { get; init; } = DefaultDelayedCloseMilliseconds;

    /// <summary>drain_timeout: between the two GOAWAYs of an HTTP/2 connection's graceful end.</summary>
    public long DrainTimeoutMilliseconds { get; init; } = DefaultDrainTimeoutMilliseconds;

    /// <summary>0 = no limit.</summary>
    public uint RequestsPerConnectionMax { get; init; }
    public bool AcceptHttp10 { get; init; }
    public byte[]? DefaultHostForHttp10 { get; init; }
    public bool EnableTrailers { get; init; }

    /// <summary>scheme_header_transformation.match_upstream: <c>:scheme</c> says how the upstream is reached, not the client.</summary>
    public bool SchemeMatchesUpstream { get; init; }

    /// <summary>Whether HTTP/1 responses carry header names like Content-Type.</summary>
    public bool ProperCase { get; init; }

    /// <summary>Whether names of HTTP/1 requests keep their spelling; null = no.</summary>
    public PreservedCase? PreservedCase { get; init; }

    // Request timeouts; 0 = none.
    public long StreamIdleTimeoutMilliseconds { get; init; } = DefaultStreamIdleTimeoutMilliseconds;
    public long RequestTimeoutMilliseconds { get; init; }
    public long RequestHeadersTimeoutMilliseconds { get; init; }
    public long MaxStreamDurationMilliseconds { get; init; }

    /// <summary>stream_flush_timeout: how long a client may take nothing of a response that is complete; null = what the idle timeout says.</summary>
    public long? StreamFlushTimeoutMilliseconds { get; init; }

    /// <summary>The same for a route: its own, then this connection manager's, then the route's or this one's idle timeout. 0 = none.</summary>
    public long FlushMilliseconds(Routing.ForwardModel? route) => route?.FlushTimeoutMilliseconds
        ?? StreamFlushTimeoutMilliseconds ?? route?.IdleTimeoutMilliseconds ?? StreamIdleTimeoutMilliseconds;

    // Header rules.
    public byte[] ServerName { get; init; } = "envoy"u8.ToArray();
    public ServerHeaderRule ServerHeader { get; init; }
    public byte[]? Via { get; init; }

    /// <summary>add_user_agent: user-agent where there is none, and x-envoy-downstream-service-cluster; null = neither.</summary>
    public byte[]? UserAgent { get; init; }

    /// <summary>x-envoy-downstream-service-node, which add_user_agent adds; null = not known.</summary>
    public byte[]? ServiceNode { get; init; }
    public bool UseRemoteAddress { get; init; }
    public uint TrustedHops { get; init; }
    public bool SkipForwardedForAppend { get; init; }

    /// <summary>represent_ipv4_remote_address_as_ipv4_mapped_ipv6: how X-Forwarded-For shows IPv4 peers.</summary>
    public bool MapsIPv4 { get; init; }

    /// <summary>append_local_overload: refusals of the overload manager carry x-envoy-local-overloaded.</summary>
    public bool MarksLocalOverload { get; init; }
    public ClientAddressDetector[] AddressDetectors { get; init; } = [];
    public bool AppendForwardedPort { get; init; }

    /// <summary>ignore_http_11_upgrade: protocols that upgrade headers of HTTP/1 requests name in vain.</summary>
    public StringMatch[] IgnoredUpgrades { get; init; } = [];

    /// <summary>What happens to a request's headers before all other rules; null for nothing.</summary>
    public EarlyHeaderMutations? EarlyMutations { get; init; }

    /// <summary>forward_proto_config; null = the connection's TLS alone tells what the client spoke.</summary>
    public ForwardedProtoPorts? ForwardedProtoPorts { get; init; }

    /// <summary>proxy_status_config; null = no Proxy-Status header.</summary>
    public ProxyStatusRules? ProxyStatus { get; init; }

    /// <summary>internal_address_config.unix_sockets: clients on Unix sockets are internal.</summary>
    public bool TrustsUnixPeers { get; init; }

    /// <summary>add_proxy_protocol_connection_state: PROXY headers towards upstreams tell this connection's client.</summary>
    public bool TellsProxyProtocol { get; init; } = true;

    public AddressRanges InternalAddresses { get; init; } = AddressRanges.None;
    public bool GenerateRequestId { get; init; } = true;
    public bool PreserveExternalRequestId { get; init; }

    /// <summary>UuidRequestIdConfig.pack_trace_reason: a digit of request ids tells whether they are traced.</summary>
    public bool PacksTraceReason { get; init; } = true;

    /// <summary>http1.metadata_not_supported_error: METADATA for clients of HTTP/1, which have no place for it.</summary>
    public Counter MetadataDropped { get; init; }

    /// <summary>`http1.dropped_headers_with_underscores`.</summary>
    public Counter DroppedUnderscores { get; init; }

    /// <summary>`http1.requests_rejected_with_underscores_in_headers`.</summary>
    public Counter RejectedUnderscores { get; init; }
    public bool AlwaysSetRequestIdInResponse { get; init; }
    public bool Proxy100Continue { get; init; }
    public byte[]? SchemeOverwrite { get; init; }
    public ClientCertRule ClientCert { get; init; } = new(ClientCertForwarding.Sanitize, ClientCertDetails.None);

    /// <summary>Goes before <see cref="ClientCert"/> where it leads somewhere; null for none.</summary>
    internal ClientCertMatcher? ClientCertMatcher { get; init; }

    // Path and host rules.
    public bool NormalizePath { get; init; }

    /// <summary>path_normalization_options is set.</summary>
    public bool TransformsPaths { get; init; }

    /// <summary>forwarding_transformation: also the upstream sees it; null for none.</summary>
    public PathTransformation? ForwardedPath { get; init; }

    /// <summary>http_filter_transformation: filters and routes see it, the upstream does not; null for none.</summary>
    public PathTransformation? FilteredPath { get; init; }
    public bool MergeSlashes { get; init; }
    public EscapedSlashesAction EscapedSlashes { get; init; }
    public LiveFlag RejectFragment { get; init; } = new(true, null);
    public bool StripAnyPort { get; init; }
    public bool StripMatchingPort { get; init; }
    public bool StripTrailingHostDot { get; init; }
}
