using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>The one answer to an <see cref="AsyncHttpRequest"/>, on its worker's loop. Map and span are valid during the call.</summary>
internal interface IAsyncHttpRequestEvents
{
    void OnResponse(int status, HeaderMap headers, ReadOnlySpan<byte> body);

    void OnFailure(AsyncFailure failure);
}
