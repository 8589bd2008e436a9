using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.UpstreamHeaders;

/// <summary>envoy.filters.http.header_mutation between router and upstream.</summary>
internal sealed class UpstreamHeaderMutation(
    HeaderMutationList request, HeaderMutationList requestTrailers, HeaderMutationList response, HeaderMutationList responseTrailers) : UpstreamHttpFilter
{
    public override void OnRequestHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch) => request.Apply(headers, info, scratch);

    public override void OnRequestTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch) => requestTrailers.Apply(trailers, info, scratch);

    public override void OnResponseHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        // %RESP()% is of this response, which is not the client's yet.
        IHeaderReader? before = info.ResponseHeaders;
        info.ResponseHeaders = headers;
        response.Apply(headers, info, scratch);
        info.ResponseHeaders = before;
    }

    public override void OnResponseTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch) => responseTrailers.Apply(trailers, info, scratch);
}
