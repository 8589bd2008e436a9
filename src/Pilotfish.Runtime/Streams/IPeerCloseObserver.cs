namespace Pilotfish.Runtime.Streams;

/// <summary>Hears that a peer went away while nobody was receiving (idle pooled connections, requests under way).</summary>
public interface IPeerCloseObserver
{
    /// <summary>Called once, on the loop. Unread bytes may still be in the stream unless it was a reset.</summary>
    void OnPeerClosed(bool reset);
}
