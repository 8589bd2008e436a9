using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.RequestBuffer;

/// <summary>The filter in a chain: takes part in requests that have a body and whose route does not say otherwise.</summary>
/// <param name="limit">The chain's own.</param>
public sealed class BufferModel(BufferLimit limit) : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name)
    {
        BufferLimit applied = stream.RouteConfigOf<BufferLimit>(name) ?? limit;
        return applied.IsOff || stream.IsRequestComplete ? null : new BufferFilter(applied.BytesMax);
    }
}
