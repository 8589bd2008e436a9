using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>Of a call that only tells the service of a request that is over.</summary>
internal sealed class UnawaitedAnswer : IAsyncGrpcRequestEvents
{
    public static readonly UnawaitedAnswer Instance = new();

    public void OnResponse(ReadOnlySpan<byte> message)
    {
    }

    public void OnFailure(in GrpcEnd end)
    {
    }
}
