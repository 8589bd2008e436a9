using Google.Protobuf;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// The collectors that configuration names, by what it says of them, so that a push that repeats it keeps their streams. Holds them
/// weakly: one that no listener logs to any more goes with its last logger. Main loop.
/// </summary>
internal sealed class CollectorDirectory(WorkerSet workers)
{
    private readonly Dictionary<(string Kind, ByteString Config), WeakReference<CollectorSink>> _sinks = [];

    /// <summary>The collector of a config; made on first use.</summary>
    /// <param name="kind">Distinguishes collectors whose configs may be equal bytes.</param>
    /// <param name="config">All that decides how the collector is called.</param>
    /// <param name="create">Makes one worker's side, on that worker.</param>
    public CollectorSink Get(string kind, ByteString config, Func<CollectorSink, Worker, Collector> create)
    {
        if (_sinks.TryGetValue((kind, config), out WeakReference<CollectorSink>? known) && known.TryGetTarget(out CollectorSink? sink))
        {
            return sink;
        }

        Forget();
        sink = new CollectorSink(workers.Count, create);
        _sinks[(kind, config)] = new WeakReference<CollectorSink>(sink);
        return sink;
    }

    /// <summary>Sends what every worker still holds and waits for that, at most for the limit. The process ends after it.</summary>
    public void Close(TimeSpan limit)
    {
        var closed = new ManualResetEventSlim();
        BeginClose(closed.Set);

        // A worker on this very loop runs only when this returns.
        if (workers.All[0].Loop != workers.MainLoop)
        {
            closed.Wait(limit);
        }
    }

    /// <summary>Has every worker send what it still holds; <paramref name="onClosed"/> runs on the last one's loop.</summary>
    public void BeginClose(Action onClosed)
    {
        List<CollectorSink> sinks = [];
        foreach (WeakReference<CollectorSink> reference in _sinks.Values)
        {
            if (reference.TryGetTarget(out CollectorSink? sink))
            {
                sinks.Add(sink);
            }
        }

        // One more than there are, so that it ends once when there are none.
        int left = (workers.Count * sinks.Count) + 1;
        workers.PostAll(worker =>
        {
            foreach (CollectorSink sink in sinks)
            {
                if (sink.Find(worker) is { } collector)
                {
                    collector.Close(Closed);
                }
                else
                {
                    Closed();
                }
            }
        });
        Closed();

        void Closed()
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                onClosed();
            }
        }
    }

    private void Forget()
    {
        foreach (((string, ByteString) key, WeakReference<CollectorSink> reference) in _sinks)
        {
            if (!reference.TryGetTarget(out _))
            {
                _sinks.Remove(key);
            }
        }
    }
}
