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

        Main = new Worker(count, mainLoop, stats.Main, seeds.NextUInt64());
    }

    private WorkerSet(Worker worker, StatsStore stats)
    {
        MainLoop = worker.Loop;
        _workers = [worker];
        Main = new Worker(1, worker.Loop, stats.Main, worker.Random.NextUInt64());
    }

    public EventLoop MainLoop { get; }

    /// <summary>The workers that carry traffic.</summary>
    public IReadOnlyList<Worker> All => _workers;

    /// <summary>
    /// The main loop's own place among those that call upstreams: control planes and secrets are asked from it. It carries no traffic and
    /// its index follows the workers'.
    /// </summary>
    public Worker Main { get; }

    /// <summary>How many entries a table by <see cref="Worker.Index"/> needs where upstreams are called: all workers and <see cref="Main"/>.</summary>
    public int CallerCount => _workers.Length + 1;

    public int Count => _workers.Length;

    /// <summary>One worker on the main loop itself, so that a test runs the whole data plane on its own thread.</summary>
    public static WorkerSet OnLoop(EventLoop loop, StatsStore stats, ulong randomSeed = 1) =>
        new(new Worker(0, loop, stats.CreateCells(), randomSeed), stats);

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

    /// <summary>As <see cref="PostAll(Action{Worker})"/>, on <see cref="Main"/> too: for what concerns connections to upstreams.</summary>
    public void PostCallers(Action<Worker> action)
    {
        PostAll(action);
        Post(Main, action);
    }

    public static void Post(Worker worker, Action<Worker> action) =>
        worker.Loop.Post(static state =>
        {
            (Worker worker, Action<Worker> action) = ((Worker, Action<Worker>))state!;
            action(worker);
        }, (worker, action));

    /// <summary>Runs the action on every worker, then <paramref name="then"/> on the main loop when all have run it.</summary>
    public void PostAll(Action<Worker> action, Action then) => PostCounted(PostAll, _workers.Length, action, then);

    /// <summary>Runs the action on every worker and on <see cref="Main"/>, then <paramref name="then"/> on the main loop.</summary>
    public void PostCallers(Action<Worker> action, Action then) => PostCounted(PostCallers, CallerCount, action, then);

    private void PostCounted(Action<Action<Worker>> post, int count, Action<Worker> action, Action then)
    {
        int left = count;
        post(worker =>
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
