namespace Pilotfish.Proxy.Http1;

/// <summary>How a message body is delimited (RFC 9112 section 6.3).</summary>
public enum BodyKind : byte
{
    None,
    Length,
    Chunked,
    UntilClose,
}
