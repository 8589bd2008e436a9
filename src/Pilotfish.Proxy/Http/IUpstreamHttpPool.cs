namespace Pilotfish.Proxy.Http;

/// <summary>The connections of one worker to one host, shared by requests.</summary>
public interface IUpstreamHttpPool
{
    /// <summary>
    /// Asks for a stream. The requester hears of it now or later, exactly once, unless it gives up with <see cref="GiveUp"/>.
    /// </summary>
    void Acquire(IPoolRequester requester);

    /// <summary>A waiting requester does not want a stream any more.</summary>
    void GiveUp(IPoolRequester requester);
}
