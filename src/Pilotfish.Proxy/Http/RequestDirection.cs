using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>From the client through the filters; the last filter is terminal, so nothing lies behind it.</summary>
public sealed class RequestDirection : FilterDirection
{
    private long _limit;

    internal RequestDirection(HttpStream stream)
        : base(stream)
    {
    }

    private protected override int Count => Stream.FilterCount;

    private protected override long BufferLimit => _limit > 0 ? _limit : Stream.BufferLimit;

    /// <summary>What filters may hold in place of the connection's limit, until the filter that says so ends; 0 = the connection's.</summary>
    internal void SetLimit(long bytes) => _limit = bytes;

    private protected override bool ReplyTookOver => Stream.IsReplyLocal;

    private protected override HttpFilter FilterAt(int position) => Stream.FilterAt(position);

    private protected override FilterVerdict ShowHeaders(HttpFilter filter, bool end) => filter.OnRequestHeaders(Stream.RequestHeaders, end);

    private protected override FilterVerdict ShowData(HttpFilter filter, ReadOnlySpan<byte> data, bool end) => filter.OnRequestData(data, end);

    private protected override FilterVerdict ShowTrailers(HttpFilter filter, HeaderMap trailers) => filter.OnRequestTrailers(trailers);

    private protected override void HeadersAtEnd(bool end)
    {
    }

    private protected override void DataAtEnd(ReadOnlySpan<byte> data, bool end)
    {
    }

    private protected override void TrailersAtEnd(HeaderMap trailers, bool dropped)
    {
    }

    private protected override void PauseSource() => Stream.Codec.PauseRequest();

    private protected override void ResumeSource() => Stream.Codec.ResumeRequest();

    private protected override EndReason TooLarge() => EndReasons.RequestPayloadTooLarge;
}
