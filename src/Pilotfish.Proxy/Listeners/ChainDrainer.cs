using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Ends filter chains that an update removed: connections are asked to close, and closed when the drain time is over. Main loop.
/// </summary>
internal sealed class ChainDrainer(WorkerSet workers, DrainOptions options, StatCells cells, Gauge draining)
{
    // Long beside the way of a request to a pooled connection, short beside any drain time.
    private const long SettleMilliseconds = 1000;

    public void Drain(IReadOnlyList<FilterChainModel> chains, Action? then = null)
    {
        if (chains.Count == 0)
        {
            then?.Invoke();
            return;
        }

        cells.Add(draining, chains.Count);
        long now = workers.MainLoop.NowMilliseconds;
        foreach (FilterChainModel chain in chains)
        {
            chain.Drain.Start(now, options.Milliseconds, options.Strategy);
        }

        workers.PostAll(worker => ForEach(chains, worker, static connection => connection.DrainObserver?.OnDrainStarted()));
        if (options.Milliseconds > SettleMilliseconds)
        {
            var settled = new LoopTimer(
                workers.MainLoop,
                _ => workers.PostAll(worker => ForEach(chains, worker, static connection => connection.DrainObserver?.OnDrainSettled())),
                null);
            settled.Schedule(SettleMilliseconds);
        }

        var timer = new LoopTimer(workers.MainLoop, _ => Finish(chains, then), null);
        timer.Schedule(options.Milliseconds);
    }

    /// <summary>Asks every connection of the chains that is idle between HTTP requests to close.</summary>
    public void CloseIdle(IReadOnlyList<FilterChainModel> chains) =>
        workers.PostAll(worker => ForEach(chains, worker, static connection => connection.DrainObserver?.OnCloseIdle()));

    /// <summary>Ends the streams of the chains' connections that hold the most memory, each worker its own.</summary>
    /// <param name="chains">Those of one or more listeners.</param>
    /// <param name="reset">How many of them, and where they are counted.</param>
    public void ResetHighMemoryStreams(IReadOnlyList<FilterChainModel> chains, HighMemoryReset reset) => workers.PostAll(worker =>
    {
        var streams = new HighMemoryStreams(reset.Power);
        ForEach(chains, worker, connection => connection.DrainObserver?.OnMemoryPressure(streams));
        int resets = streams.Reset(reset.Level);
        if (resets > 0)
        {
            worker.Stats.Add(reset.Count, resets);
            Log.Warning(LogComponent.Main, $"overload: {resets} streams that held the most memory were reset");
        }
    });

    private void Finish(IReadOnlyList<FilterChainModel> chains, Action? then) => workers.PostAll(
        worker => ForEach(chains, worker, Close),
        () =>
        {
            cells.Add(draining, -chains.Count);
            foreach (FilterChainModel chain in chains)
            {
                chain.Release();
            }

            then?.Invoke();
        });

    private static void ForEach(IReadOnlyList<FilterChainModel> chains, Worker worker, Action<DownstreamConnection> action)
    {
        foreach (FilterChainModel chain in chains)
        {
            foreach (DownstreamConnection connection in chain.Connections(worker.Index))
            {
                action(connection);
            }
        }
    }

    private static void Close(DownstreamConnection connection)
    {
        if (connection.DrainObserver is { } observer)
        {
            observer.OnDrainDeadline();
        }
        else
        {
            connection.Stream.Close();
            connection.Finished(NetworkEndReasons.Drained);
        }
    }
}
