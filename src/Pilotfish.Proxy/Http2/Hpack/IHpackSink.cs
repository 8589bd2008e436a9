using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>Takes the fields of a header block in order. Spans are valid during the call.</summary>
internal interface IHpackSink
{
    void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);
}
