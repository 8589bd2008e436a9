using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>A request that asked a pool for a stream.</summary>
public interface IPoolRequester
{
    IUpstreamEvents Events { get; }

    /// <summary>Whether the request upgrades to another protocol, which over HTTP/2 takes a peer that allows extended CONNECT (RFC 8441).</summary>
    bool IsUpgrade => false;

    void OnPoolReady(IUpstreamStream stream);

    void OnPoolFailure(StreamResetReason reason, string? transportFailure);
}
