namespace Pilotfish.Proxy.Http;

/// <summary>Error types of RFC 9209 section 2.3 that a response flag can mean here; the names on the wire are lower case with underscores.</summary>
public enum ProxyStatusError : byte
{
    /// <summary>Nothing went wrong that the proxy knows of.</summary>
    None = 0,
    DnsError,
    DestinationNotFound,
    DestinationUnavailable,
    ConnectionTimeout,
    ConnectionRefused,
    ConnectionTerminated,
    ConnectionLimitReached,
    HttpRequestError,
    HttpResponseTimeout,
    HttpProtocolError,
    ProxyConfigurationError,
}
