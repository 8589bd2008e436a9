using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>A request that asked a pool for a stream.</summary>
public interface IPoolRequester
{
    IUpstreamEvents Events { get; }

    void OnPoolReady(IUpstreamStream stream);

    void OnPoolFailure(StreamResetReason reason, string? transportFailure);
}
