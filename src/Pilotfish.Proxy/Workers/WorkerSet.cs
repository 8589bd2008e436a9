using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Workers;

/// <summary>The traffic threads and the main loop of a process. Fixed from start to stop.</summary>
public sealed class WorkerSet : IDisposable
{
    private readonly Worker[] _workers;
    private bool _started;

    /// <param name="count">How many traffic loops to make.</param>
    /// <param name="mainLoop">The loop of configuration, which the caller runs.</param>
    /// <param name="stats">Where each worker gets its cells.</param>
    /// <param name="randomSeed">Decorrelates the workers' balancing; a fixed one makes a test repeatable.</param>
    public WorkerSet(int count, EventLoop mainLoop, StatsStore stats, ulong randomSeed)
    {
        MainLoop = mainLoop;
        var seeds = new WorkerRandom(randomSeed);
        _workers = new Worker[count];
        for (int i = 0; i < count; i++)
        {
            var loop = new EventLoop(new EventLoopOptions { Name = $"wrk:worker_{i}" });
            _workers[i] = new Worker(i, loop, stats.CreateCells(), seeds.NextUInt64());
        }
    }

    private WorkerSet(Worker worker)
    {
        MainLoop = worker.Loop;
        _workers = [worker];
    }

    public EventLoop MainLoop { get; }

    public IReadOnlyList<Worker> All => _workers;

    public int Count => _workers.Length;

    /// <summary>One worker on the main loop itself, so that a test runs the whole data plane on its own thread.</summary>
    public static WorkerSet OnLoop(EventLoop loop, StatsStore stats, ulong randomSeed = 1) =>
        new(new Worker(0, loop, stats.CreateCells(), randomSeed));

    public void Start()
    {
        _started = true;
        foreach (Worker worker in _workers)
        {
            if (worker.Loop != MainLoop)
            {
                worker.Loop.Start();
            }
        }
    }

    /// <summary>Runs the action on every worker's loop; any thread.</summary>
    public void PostAll(Action<Worker> action)
    {
        foreach (Worker worker in _workers)
        {
            Post(worker, action);
        }
    }

    public static void Post(Worker worker, Action<Worker> action) =>
        worker.Loop.Post(static state =>
        {
            (Worker worker, Action<Worker> action) = ((Worker, Action<Worker>))state!;
            action(worker);
        }, (worker, action));

    /// <summary>Runs the action on every worker, then <paramref name="then"/> on the main loop when all have run it.</summary>
    public void PostAll(Action<Worker> action, Action then)
    {
        int left = _workers.Length;
        PostAll(worker =>
        {
            action(worker);
            if (Interlocked.Decrement(ref left) == 0)
            {
                MainLoop.Post(static state => ((Action)state!)(), then);
            }
        });
    }

    /// <summary>Stops the traffic loops; their connections end with them. False when one did not stop within the limit.</summary>
    public bool Stop(TimeSpan limit)
    {
        bool all = true;
        foreach (Worker worker in _workers)
        {
            if (_started && worker.Loop != MainLoop)
            {
                worker.Loop.PostStop();
            }
        }

        foreach (Worker worker in _workers)
        {
            all &= !_started || worker.Loop == MainLoop || worker.Loop.Join(limit);
        }

        return all;
    }

    public void Dispose()
    {
        foreach (Worker worker in _workers)
        {
            if (worker.Loop != MainLoop)
            {
                worker.Loop.Dispose();
            }
        }
    }
}
