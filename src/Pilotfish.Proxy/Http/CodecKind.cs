namespace Pilotfish.Proxy.Http;

/// <summary>codec_type of a connection manager.</summary>
public enum CodecKind : byte
{
    /// <summary>By ALPN, or by the client's first bytes.</summary>
    Auto,
    Http1,
    Http2,
}
