using System.Collections.Concurrent;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Two threads until disposed: one follows the API, one repairs what it tells, so that a slow repair keeps no watch waiting.</summary>
internal sealed class RepairLoop : IDisposable
{
    /// <summary>Changes that wait for a repair; then the watch waits, and the API's end of the connection with it.</summary>
    private const int ChangesMax = 1024;

    private readonly CancellationTokenSource _ending = new();
    private readonly BlockingCollection<NodePodChange> _changes = new(ChangesMax);
    private readonly PodRepair _repair;
    private readonly Thread _watching;
    private readonly Thread _repairing;

    public RepairLoop(PodRepair repair, INodePods pods, TextWriter log)
    {
        _repair = repair;
        var watch = new PodWatch(pods, Add, pause => _ending.Token.WaitHandle.WaitOne(pause), log);
        _watching = new Thread(() => watch.Run(_ending.Token)) { IsBackground = true, Name = "watch pods" };
        _repairing = new Thread(Repair) { IsBackground = true, Name = "repair" };
        _watching.Start();
        _repairing.Start();
    }

    public void Dispose()
    {
        _ending.Cancel();
        _watching.Join();
        _repairing.Join();
        _changes.Dispose();
        _ending.Dispose();
    }

    private void Add(NodePodChange change)
    {
        try
        {
            _changes.Add(change, _ending.Token);
        }
        catch (OperationCanceledException)
        {
            // The process is to end.
        }
    }

    private void Repair()
    {
        try
        {
            while (true)
            {
                int wait = _repair.UntilRetry is { } until ? (int)Math.Ceiling(until.TotalMilliseconds) : Timeout.Infinite;
                if (_changes.TryTake(out NodePodChange? change, wait, _ending.Token))
                {
                    _repair.Handle(change);
                }

                _repair.Retry();
            }
        }
        catch (OperationCanceledException)
        {
            // The process is to end.
        }
    }
}
