namespace Pilotfish.Proxy.Http2;

internal enum HeaderBlockKind : byte
{
    Request,
    Response,
    Trailers,

    /// <summary>Of a stream that is gone: decoded for the table's sake only.</summary>
    Ignored,
}
