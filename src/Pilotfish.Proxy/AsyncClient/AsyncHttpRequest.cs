using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>A request whose whole response is gathered, for callers that want an answer and no stream. One worker's loop only.</summary>
internal sealed class AsyncHttpRequest : IAsyncHttpEvents
{
    private readonly Worker _worker;
    private readonly AsyncHttpStream _stream;
    private readonly IAsyncHttpRequestEvents _events;
    private readonly int _bodyBytesMax;
    private BodyBuffer _body;
    private int _status;

    /// <param name="worker">Whose loop runs it.</param>
    /// <param name="cluster">Where to.</param>
    /// <param name="deadlineMilliseconds">0 = none.</param>
    /// <param name="bodyBytesMax">A larger response fails as <see cref="AsyncFailureKind.ResponseTooLarge"/>.</param>
    /// <param name="events">Who hears the answer.</param>
    /// <param name="target">Which host answers; null = any.</param>
    public AsyncHttpRequest(Worker worker, ClusterReference cluster, long deadlineMilliseconds, int bodyBytesMax, IAsyncHttpRequestEvents events,
        AsyncTarget? target = null)
    {
        _worker = worker;
        _events = events;
        _bodyBytesMax = bodyBytesMax;
        _stream = new AsyncHttpStream(worker, cluster, HttpProtocol.Http11, deadlineMilliseconds, this) { Target = target ?? AsyncTarget.Any };
    }

    /// <summary>Sends the request, once. The answer may come before this returns. A body is announced with its content-length.</summary>
    public void Start(HeaderMap request, ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
        {
            _stream.Start(request, end: true);
            return;
        }

        request.SetNumber(WellKnownHeader.ContentLength, body.Length);
        _stream.Start(request, end: false);
        _stream.SendWhole(body, end: true);
    }

    /// <summary>Gives it up; no answer comes.</summary>
    public void Cancel()
    {
        _stream.Cancel();
        _body.Release();
    }

    public void OnHeaders(int status, HeaderMap headers, bool end)
    {
        _status = status;
        if (end)
        {
            Complete();
        }
    }

    public void OnData(ReadOnlySpan<byte> data, bool end)
    {
        if (_body.Length + data.Length > _bodyBytesMax)
        {
            Cancel();
            _events.OnFailure(new AsyncFailure(AsyncFailureKind.ResponseTooLarge, default,
                $"The response's body is larger than the {_bodyBytesMax} bytes allowed."));
            return;
        }

        _body.Append(_worker.Loop.Buffers, data);
        if (end)
        {
            Complete();
        }
    }

    public void OnTrailers(HeaderMap trailers) => Complete();

    public void OnFailed(AsyncFailure failure)
    {
        _body.Release();
        _events.OnFailure(failure);
    }

    public void OnWritable()
    {
    }

    private void Complete()
    {
        _events.OnResponse(_status, _stream.ResponseHeaders, _body.Span);
        _body.Release();
    }
}
