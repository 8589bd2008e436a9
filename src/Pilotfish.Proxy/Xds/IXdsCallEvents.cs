using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Xds;

/// <summary>What the owner of an <see cref="IXdsCall"/> hears. <see cref="OnEnd"/> is the last event. Main loop.</summary>
internal interface IXdsCallEvents
{
    /// <summary>Requests may be sent; whether the server is there shows later.</summary>
    void OnOpened();

    /// <param name="part">The response's next bytes; valid during the call.</param>
    /// <param name="end">Whether it is whole with them.</param>
    void OnResponsePart(ReadOnlySpan<byte> part, bool end);

    void OnWritable();

    void OnEnd(in GrpcEnd end);
}
