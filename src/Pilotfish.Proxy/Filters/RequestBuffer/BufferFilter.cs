using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.RequestBuffer;

/// <summary>Holds one request until all of it is here.</summary>
/// <param name="bytesMax">A larger body is refused with 413, whatever the connection's own limit says.</param>
internal sealed class BufferFilter(long bytesMax) : HttpFilter
{
    private long _bytes;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        if (end)
        {
            return FilterVerdict.Continue;
        }

        LimitHeldRequest(bytesMax);
        return FilterVerdict.Buffer;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        _bytes += data.Length;
        if (_bytes > bytesMax)
        {
            // The last piece goes on instead of being held, so that nobody else would count it.
            Stream.PayloadTooLarge(EndReasons.RequestPayloadTooLarge);
            return FilterVerdict.Pause;
        }

        if (!end)
        {
            return FilterVerdict.Buffer;
        }

        // A body that came in chunks has a length now. One with trailers gets none: HTTP/1.1 has no place for them behind a length.
        HeaderMap headers = Stream.RequestHeaders;
        if (!headers.Has(WellKnownHeader.ContentLength))
        {
            headers.SetNumber(WellKnownHeader.ContentLength, _bytes);
        }

        return FilterVerdict.Continue;
    }

    public override void OnEnd(StreamInfo info) => LimitHeldRequest(0);
}
