namespace Pilotfish.Proxy.Http;

/// <summary>What a pool speaks to its host.</summary>
public enum UpstreamProtocol : byte
{
    Http1,
    Http2,

    /// <summary>auto_config: what the TLS handshake agrees upon.</summary>
    Alpn,

    /// <summary>None: the payload of a request as TCP.</summary>
    Raw,
}
