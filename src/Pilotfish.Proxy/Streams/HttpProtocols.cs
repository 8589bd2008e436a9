namespace Pilotfish.Proxy.Streams;

public static class HttpProtocols
{
    /// <summary>The text of <c>%PROTOCOL%</c>; <c>-</c> for TCP.</summary>
    public static ReadOnlySpan<byte> Name(HttpProtocol protocol) => protocol switch
    {
        HttpProtocol.Http10 => "HTTP/1.0"u8,
        HttpProtocol.Http11 => "HTTP/1.1"u8,
        HttpProtocol.Http2 => "HTTP/2"u8,
        HttpProtocol.Http3 => "HTTP/3"u8,
        _ => "-"u8,
    };
}
