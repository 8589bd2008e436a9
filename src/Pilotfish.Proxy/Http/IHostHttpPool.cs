namespace Pilotfish.Proxy.Http;

/// <summary>A pool as the host's owner sees it.</summary>
internal interface IHostHttpPool : IUpstreamHttpPool
{
    /// <summary>The host left its cluster: idle connections close now, others after their exchanges.</summary>
    void Drain();

    void CloseIdle();

    /// <summary>Connections of now take no more requests: idle ones close, others after their exchanges. New ones may follow.</summary>
    void Replace();

    /// <summary>Opens a connection for a request that is foreseen, unless the pool has enough; true when one is on its way.</summary>
    bool ConnectAhead(double ratio);

    /// <summary>Whether it holds neither a connection nor a request, so that it may be forgotten.</summary>
    bool IsEmpty { get; }

    /// <summary>Whether requests use it or wait for it, or a connection is on its way; idle connections do not count.</summary>
    bool IsBusy { get; }
}
