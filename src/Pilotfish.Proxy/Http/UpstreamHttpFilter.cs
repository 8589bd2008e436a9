using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// A filter between the router and the upstream's codec. It sees each attempt: the request on its way to the host, the response before the router
/// judges it. It changes heads and trailers where they are and neither waits nor answers (docs/design/upstream-filters.md). One object serves
/// all requests; immutable.
/// </summary>
public abstract class UpstreamHttpFilter
{
    /// <param name="headers">The request's, as the router would send them. A retry brings them as the attempt before left them, as in Envoy.</param>
    /// <param name="info">The request's.</param>
    /// <param name="scratch">For values; overwritten.</param>
    public virtual void OnRequestHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
    }

    public virtual void OnRequestTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch)
    {
    }

    /// <summary>Of the final response; interim ones pass by.</summary>
    public virtual void OnResponseHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
    }

    public virtual void OnResponseTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch)
    {
    }
}
