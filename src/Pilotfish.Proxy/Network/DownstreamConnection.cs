using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Network;

/// <summary>
/// An accepted connection from filter chain choice to its end. It pins its chain: pushes do not change it. One worker's loop only.
/// </summary>
public sealed class DownstreamConnection
{
    private NetworkFilterSession[] _sessions = [];
    private bool _finished;

    internal DownstreamConnection(
        Worker worker, IByteStream stream, ConnectionInfo info, ListenerModel listener, FilterChainModel chain)
    {
        Worker = worker;
        Stream = stream;
        Info = info;
        Listener = listener;
        Chain = chain;
    }

    /// <summary>What the terminal filter reads and writes: socket, TLS, or a stream that filters observe.</summary>
    public IByteStream Stream { get; internal set; }

    public Worker Worker { get; }

    public ConnectionInfo Info { get; }

    public ListenerModel Listener { get; }

    public FilterChainModel Chain { get; }

    /// <summary>Whether this connection should end soon, because its chain, its listener or the process drains.</summary>
    public DrainWatcher Drain => Chain.Drain.Watcher;

    /// <summary>Who is told of a drain; null to ask <see cref="Drain"/> only. The connection is closed at the deadline then.</summary>
    public IDrainObserver? DrainObserver { get; set; }

    /// <summary>per_connection_buffer_limit_bytes: how much may wait in either direction before reading stops.</summary>
    public uint BufferLimitBytes => Listener.BufferLimitBytes;

    public bool IsFinished => _finished;

    // Intrusive list of the chain's connections on this worker.
    internal DownstreamConnection? Next { get; set; }

    internal DownstreamConnection? Previous { get; set; }

    internal void SetSessions(NetworkFilterSession[] sessions) => _sessions = sessions;

    /// <summary>
    /// The connection's one end, called by its terminal filter after closing or resetting the stream: statistics, listener
    /// access log, chain membership. Idempotent; the first reason counts.
    /// </summary>
    public void Finished(EndReason reason)
    {
        if (_finished)
        {
            return;
        }

        _finished = true;
        foreach (NetworkFilterSession session in _sessions)
        {
            session.OnFinished(reason);
        }

        Chain.Remove(this);
        Listener.State.ConnectionFinished(this, reason);
    }
}
