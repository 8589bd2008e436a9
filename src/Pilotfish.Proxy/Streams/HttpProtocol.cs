namespace Pilotfish.Proxy.Streams;

/// <summary>The HTTP version of one side of a request; <see cref="None"/> for TCP.</summary>
public enum HttpProtocol : byte
{
    None,
    Http10,
    Http11,
    Http2,
    Http3,
}
