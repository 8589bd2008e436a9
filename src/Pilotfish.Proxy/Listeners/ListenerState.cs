using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// The living side of one listener: the present model behind its sockets, its counts and its drain. Updates swap the model;
/// sockets and statistics stay.
/// </summary>
public sealed class ListenerState
{
    private readonly int[] _connectionsPerWorker;
    private readonly ConnectionLimit _global;
    private volatile ListenerModel? _model;
    private volatile bool _stoppedAccepting;

    internal ListenerState(string name, ListenerStats stats, ConnectionLimit limit, ConnectionLimit global, DrainWatcher? processDrain, int workerCount)
    {
        Name = name;
        Stats = stats;
        Limit = limit;
        _global = global;
        Drain = new DrainTrigger(processDrain);
        _connectionsPerWorker = new int[workerCount];
    }

    public string Name { get; }

    public ListenerStats Stats { get; }

    /// <summary>The parent of every chain's drain.</summary>
    public DrainTrigger Drain { get; }

    /// <summary>Null until the first version is warm.</summary>
    public ListenerModel? Model => _model;

    internal ConnectionLimit Limit { get; }

    /// <summary>Set when the listener goes: what is still handed to it is closed.</summary>
    internal bool StoppedAccepting => _stoppedAccepting;

    internal void Publish(ListenerModel model) => _model = model;

    internal void StopAccepting() => _stoppedAccepting = true;

    /// <summary>The worker with the fewest connections of this listener; read without a lock, so ties may be off by one.</summary>
    internal int LeastLoadedWorker(int preferred)
    {
        int best = preferred;
        for (int i = 0; i < _connectionsPerWorker.Length; i++)
        {
            if (Volatile.Read(ref _connectionsPerWorker[i]) < Volatile.Read(ref _connectionsPerWorker[best]))
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>Counts a connection in, or closes the door with the counter that says why.</summary>
    internal bool TryAdmit(Workers.Worker worker, bool ignoresGlobalLimit)
    {
        if (!Limit.TryAcquire())
        {
            worker.Stats.Add(Stats.CxOverflow);
            return false;
        }

        if (ignoresGlobalLimit)
        {
            _global.Acquire();
        }
        else if (!_global.TryAcquire())
        {
            Limit.Release();
            worker.Stats.Add(Stats.GlobalCxOverflow);
            return false;
        }

        Interlocked.Increment(ref _connectionsPerWorker[worker.Index]);
        worker.ConnectionCount++;
        return true;
    }

    /// <summary>Undoes <see cref="TryAdmit"/>: the connection ended or moved to another listener.</summary>
    internal void Release(Workers.Worker worker)
    {
        Limit.Release();
        _global.Release();
        Interlocked.Decrement(ref _connectionsPerWorker[worker.Index]);
        worker.ConnectionCount--;
    }

    internal void ConnectionStarted(Workers.Worker worker)
    {
        worker.Stats.Add(Stats.CxTotal);
        worker.Stats.Increment(Stats.CxActive);
    }

    internal void ConnectionFinished(DownstreamConnection connection, EndReason reason)
    {
        StatCells cells = connection.Worker.Stats;
        cells.Decrement(Stats.CxActive);
        cells.Add(Stats.CxDestroy);
        cells.Record(Stats.CxLengthMilliseconds,
            (connection.Worker.Loop.NowNanoseconds - connection.Info.StartNanoseconds) / 1_000_000);
        Release(connection.Worker);
        ListenerAccessLog.Write(connection, reason);
    }
}
