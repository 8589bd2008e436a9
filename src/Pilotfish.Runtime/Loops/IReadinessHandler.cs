namespace Pilotfish.Runtime.Loops;

/// <summary>Owner of a registered file descriptor.</summary>
internal interface IReadinessHandler
{
    /// <summary>The EPOLL bits that the kernel reported; the handler may unregister itself or any other.</summary>
    void OnReady(uint events);
}
