using Pilotfish.Proxy.Overload;

namespace Pilotfish.Proxy.Network;

/// <summary>Set on a connection by a terminal filter that wants to hear of a drain rather than ask at each response.</summary>
public interface IDrainObserver
{
    /// <summary>The connection's chain or listener began to drain. On the connection's loop.</summary>
    void OnDrainStarted();

    /// <summary>
    /// A moment after the start, in which whoever was in use has heard of the drain: an HTTP/1.1 connection that had no request since closes.
    /// Not at once, because a request may be on its way to a connection that looks idle.
    /// </summary>
    void OnDrainSettled()
    {
    }

    /// <summary>The drain time is over: end now, what still runs included.</summary>
    void OnDrainDeadline();

    /// <summary>The process is short of something: an HTTP connection without a request closes, others go on.</summary>
    void OnCloseIdle()
    {
    }

    /// <summary>The process is short of memory: offers the streams that can be ended on their own.</summary>
    void OnMemoryPressure(HighMemoryStreams streams)
    {
    }
}
