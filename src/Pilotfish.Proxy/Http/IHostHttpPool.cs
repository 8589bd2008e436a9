namespace Pilotfish.Proxy.Http;

/// <summary>A pool as the host's owner sees it.</summary>
internal interface IHostHttpPool : IUpstreamHttpPool
{
    /// <summary>The host left its cluster: idle connections close now, others after their exchanges.</summary>
    void Drain();

    void CloseIdle();

    /// <summary>Whether it holds neither a connection nor a request, so that it may be forgotten.</summary>
    bool IsEmpty { get; }
}
