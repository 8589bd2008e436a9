namespace Pilotfish.Proxy.Http1;

/// <summary>The connection behind a <see cref="SendQueue"/>. Never called from inside a write.</summary>
internal interface ISendQueueOwner
{
    /// <summary>More waits to be sent than the peer takes, or the backlog is gone again.</summary>
    void OnSendBlocked(bool blocked);

    /// <summary>Everything written so far is with the kernel.</summary>
    void OnFlushed();

    /// <summary>The stream does not take bytes any more.</summary>
    void OnSendFailed();
}
