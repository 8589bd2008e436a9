using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>From the terminal filter (or a local reply) back through the filters, in reverse order, to the client.</summary>
public sealed class ResponseDirection : FilterDirection
{
    internal ResponseDirection(HttpStream stream)
        : base(stream)
    {
    }

    private protected override int Count => Stream.FilterCount;

    private protected override long BufferLimit => Stream.BufferLimit;

    private protected override HttpFilter FilterAt(int position) => Stream.FilterAt(Stream.FilterCount - 1 - position);

    private protected override FilterVerdict ShowHeaders(HttpFilter filter, bool end) => filter.OnResponseHeaders(Stream.ResponseHeaders, end);

    private protected override FilterVerdict ShowData(HttpFilter filter, ReadOnlySpan<byte> data, bool end) => filter.OnResponseData(data, end);

    private protected override FilterVerdict ShowTrailers(HttpFilter filter, HeaderMap trailers) => filter.OnResponseTrailers(trailers);

    private protected override void HeadersAtEnd(bool end) => Stream.SendHeadersDown(end);

    private protected override void DataAtEnd(ReadOnlySpan<byte> data, bool end) => Stream.SendDataDown(data, end);

    private protected override void TrailersAtEnd(HeaderMap trailers, bool dropped) => Stream.SendTrailersDown(trailers, dropped);

    private protected override void PauseSource() => Stream.BlockProducer(true);

    private protected override void ResumeSource() => Stream.BlockProducer(false);

    private protected override EndReason TooLarge() => EndReasons.ResponsePayloadTooLarge;
}
