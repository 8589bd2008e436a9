namespace Pilotfish.Proxy.Filters.RequestBuffer;

/// <summary>How large a body may be that the buffer filter holds; of the chain, or of a route. Immutable.</summary>
/// <param name="BytesMax">max_request_bytes.</param>
/// <param name="IsOff">The route has the filter disabled.</param>
public sealed record BufferLimit(long BytesMax, bool IsOff);
