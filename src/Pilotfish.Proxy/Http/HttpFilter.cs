using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// One filter on one request. Made by its <see cref="HttpFilterModel"/> only for requests it has something to do with; loop-affine.
/// Callbacks are made in chain order for the request and in reverse for the response. A filter that returned anything but Continue resumes
/// later with <see cref="ContinueRequest"/> or <see cref="ContinueResponse"/>, never from inside the callback. Spans and header entries are
/// valid during the callback only.
/// </summary>
public abstract class HttpFilter
{
    /// <summary>The request: headers, route, stream facts, loop, local replies.</summary>
    protected HttpStream Stream { get; private set; } = null!;

    /// <summary>The filter's configured name: the key of per-route config.</summary>
    protected string Name { get; private set; } = "";

    public virtual FilterVerdict OnRequestHeaders(HeaderMap headers, bool end) => FilterVerdict.Continue;

    public virtual FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end) => FilterVerdict.Continue;

    public virtual FilterVerdict OnRequestTrailers(HeaderMap trailers) => FilterVerdict.Continue;

    /// <summary>A 1xx response other than 101 passes.</summary>
    public virtual void OnInformational(HeaderMap headers, int status)
    {
    }

    public virtual FilterVerdict OnResponseHeaders(HeaderMap headers, bool end) => FilterVerdict.Continue;

    public virtual FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end) => FilterVerdict.Continue;

    public virtual FilterVerdict OnResponseTrailers(HeaderMap trailers) => FilterVerdict.Continue;

    /// <summary>METADATA of the client passes (HTTP/2 with allow_metadata); a filter may change it, or clear it to take it away.</summary>
    public virtual void OnRequestMetadata(HeaderMap metadata)
    {
    }

    /// <summary>METADATA of the upstream passes, as <see cref="OnRequestMetadata"/>.</summary>
    public virtual void OnResponseMetadata(HeaderMap metadata)
    {
    }

    /// <summary>The downstream cannot take more for now, or can again; only terminal filters look at it.</summary>
    public virtual void OnDownstreamBlocked(bool blocked)
    {
    }

    /// <summary>Bytes of body that the filter has on loan.</summary>
    public virtual long BufferedBytes => 0;

    /// <summary>The request ended, however it did: release timers and whatever runs. Called exactly once.</summary>
    public virtual void OnEnd(StreamInfo info)
    {
    }

    /// <summary>
    /// Within <see cref="OnRequestData"/>: what goes on in place of the piece that was shown; empty = nothing. Within
    /// <see cref="OnRequestTrailers"/>: body bytes that go before the trailers. The memory stays as it is until the filter's next callback.
    /// </summary>
    protected void ReplaceRequestData(ReadOnlyMemory<byte> data) => Stream.Request.Replace(data);

    /// <summary>
    /// Within <see cref="OnResponseData"/>, as <see cref="ReplaceRequestData"/>; within <see cref="OnResponseTrailers"/>: body bytes that go
    /// before the trailers.
    /// </summary>
    protected void ReplaceResponseData(ReadOnlyMemory<byte> data) => Stream.Response.Replace(data);

    /// <summary>Within <see cref="OnResponseTrailers"/>: the body ends the response; only logs and the filters before this one see the trailers.</summary>
    protected void DropResponseTrailers() => Stream.Response.DropTrailers();

    /// <summary>How much of this request may be held in place of the connection's buffer limit, in bytes; to be undone with 0 in <see cref="OnEnd"/>.</summary>
    protected void LimitHeldRequest(long bytes) => Stream.Request.SetLimit(bytes);

    protected void ContinueRequest() => Stream.Request.Resume(this);

    protected void ContinueResponse() => Stream.Response.Resume(this);

    internal void Attach(HttpStream stream, string name)
    {
        Stream = stream;
        Name = name;
    }
}
