using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Streams;

/// <summary>
/// Facts of one downstream connection. Written by listener and listener filters before the first filter runs, afterwards only by its owner;
/// read by access logs and filters.
/// </summary>
public sealed class ConnectionInfo
{
    private static long s_lastId;

    /// <summary>Unique in the process (<c>%CONNECTION_ID%</c>).</summary>
    public long Id { get; } = Interlocked.Increment(ref s_lastId);

    /// <summary>Wall clock at accept.</summary>
    public DateTimeOffset StartTime { get; set; }

    public long StartNanoseconds { get; set; }

    /// <summary>The address the client meant: the restored original destination, or the socket's own.</summary>
    public NetAddress LocalAddress { get; set; }

    public NetAddress DirectLocalAddress { get; set; }

    /// <summary>The client: from the socket, the PROXY protocol or (for one request) X-Forwarded-For.</summary>
    public NetAddress RemoteAddress { get; set; }

    public NetAddress DirectRemoteAddress { get; set; }

    /// <summary>Whether <see cref="LocalAddress"/> is where the client meant to go rather than this proxy's own (SO_ORIGINAL_DST, TPROXY, PROXY).</summary>
    public bool LocalAddressRestored { get; set; }

    /// <summary>SNI as tls_inspector or the handshake saw it.</summary>
    public string? RequestedServerName { get; set; }

    /// <summary>Of the client's hello, where tls_inspector takes it: 32 hexadecimal digits.</summary>
    public string? Ja3Fingerprint { get; set; }

    public string? Ja4Fingerprint { get; set; }

    /// <summary><c>tls</c>, <c>raw_buffer</c> or null when nobody looked.</summary>
    public string? TransportProtocol { get; set; }

    /// <summary>ALPN names that the client offered, or what http_inspector found.</summary>
    public IReadOnlyList<string> ApplicationProtocols { get; set; } = [];

    public TlsSessionFacts? Tls { get; set; }

    public string ListenerName { get; set; } = "";

    public string FilterChainName { get; set; } = "";

    public Network.TrafficDirection ListenerDirection { get; set; }

    /// <summary>The proxy that accepted the connection; null before a listener took it.</summary>
    internal Config.LocalNode? Node { get; set; }

    public DynamicMetadata? ListenerMetadata { get; set; }

    public DynamicMetadata? FilterChainMetadata { get; set; }

    /// <summary>What listener filters learned (PROXY protocol TLVs); every stream of the connection begins with it. Null for nothing.</summary>
    public DynamicMetadata? Metadata { get; set; }

    /// <summary>TLVs of the PROXY header that go on to upstreams.</summary>
    public IReadOnlyList<ProxyProtocol.ProxyTlv> PassThroughTlvs { get; set; } = [];

    /// <summary>Whether a PROXY header of the client's told of the addresses.</summary>
    public bool HasProxyHeader { get; set; }

    /// <summary>PROXY headers towards upstreams speak for the proxy itself, as the client's address is not one to pass on.</summary>
    public bool OmitsProxyProtocol { get; set; }

    /// <summary>original_src: where upstream connections shall come from; none without that filter. Port 0 lets the kernel choose.</summary>
    public NetAddress OriginalSource { get; set; }

    public int OriginalSourceMark { get; set; }

    /// <summary>The answer that <see cref="UpstreamOverrides"/> gave last, so that equal ones are one object.</summary>
    internal UpstreamTransportOverrides? LastOverrides { get; set; }

    /// <summary>The element of x-forwarded-client-cert that was made last, with the details that it tells; requests of one connection share it.</summary>
    internal byte[]? ForwardedCertificate { get; set; }

    internal Http.ClientCertDetails ForwardedCertificateDetails { get; set; }

    /// <summary>What collectors of access logs are told of the TLS session, serialized once for all records of the connection.</summary>
    internal byte[]? TlsLogProperties { get; set; }

    /// <summary>From the accept to the end of the TLS handshake (<c>%DOWNSTREAM_HANDSHAKE_DURATION%</c>); 0 without TLS.</summary>
    public long HandshakeNanoseconds { get; set; }

    public string? TransportFailure { get; set; }

    /// <summary><c>%CONNECTION_TERMINATION_DETAILS%</c>: set by network filters that end a connection.</summary>
    public string? TerminationDetails { get; set; }

    public string? LocalCloseReason { get; set; }

    public DetectedCloseType CloseType { get; set; }

    /// <summary>Objects that live as long as the connection; null until something is stored.</summary>
    public FilterState? FilterState { get; set; }

    public FilterState EnsureFilterState() => FilterState ??= new FilterState(null);
}
