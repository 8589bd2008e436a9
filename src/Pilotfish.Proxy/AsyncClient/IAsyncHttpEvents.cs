using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// What the owner of an <see cref="AsyncHttpStream"/> hears, on its worker's loop. Exactly one event is the last: one with
/// <c>end</c> set, the trailers, or the failure. None comes after <see cref="AsyncHttpStream.Cancel"/>. Maps and spans are valid during the call.
/// </summary>
internal interface IAsyncHttpEvents
{
    void OnHeaders(int status, HeaderMap headers, bool end);

    void OnData(ReadOnlySpan<byte> data, bool end);

    void OnTrailers(HeaderMap trailers);

    void OnFailed(AsyncFailure failure);

    /// <summary>After a refused <see cref="AsyncHttpStream.TrySend"/>: there is room again.</summary>
    void OnWritable();
}
