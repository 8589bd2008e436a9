using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// One established connection to a host, counted until <see cref="Finished"/>. Its user closes the stream itself.
/// </summary>
public sealed class UpstreamConnection
{
    private static long s_lastId;

    private readonly WorkerCluster _cluster;
    private readonly RoutingPriority _priority;
    private readonly NetworkFilterSession[] _sessions;
    private bool _finished;

    internal UpstreamConnection(
        WorkerCluster cluster, Host host, IByteStream stream, RoutingPriority priority, in ConnectTimes times, NetworkFilterSession[] sessions)
    {
        _sessions = sessions;
        _cluster = cluster;
        _priority = priority;
        Host = host;
        Stream = stream;
        Times = times;
    }

    /// <summary>Unique in the process (%UPSTREAM_CONNECTION_ID%).</summary>
    public long Id { get; } = Interlocked.Increment(ref s_lastId);

    public Host Host { get; }

    public IByteStream Stream { get; }

    public WorkerCluster Cluster => _cluster;

    public ConnectTimes Times { get; }

    /// <summary>Ends the accounting of the connection; idempotent.</summary>
    /// <param name="byRemote">Whether the host closed it.</param>
    public void Finished(bool byRemote)
    {
        if (!_finished)
        {
            _finished = true;
            _cluster.ConnectionFinished(this, _priority, byRemote);
            foreach (NetworkFilterSession session in _sessions)
            {
                session.OnFinished(byRemote ? NetworkEndReasons.UpstreamClosedByHost : NetworkEndReasons.UpstreamClosedHere);
            }
        }
    }
}
