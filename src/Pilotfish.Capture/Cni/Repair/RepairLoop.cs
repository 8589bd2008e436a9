namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Looks for broken pods from time to time, on a thread of its own, until disposed.</summary>
internal sealed class RepairLoop : IDisposable
{
    /// <summary>A broken pod's validation is tried again after 10 s, 20 s, 40 s...: looking more often gains nothing.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _ending = new();
    private readonly PodRepair _repair;
    private readonly Thread _thread;

    public RepairLoop(PodRepair repair)
    {
        _repair = repair;
        _thread = new Thread(Run) { IsBackground = true, Name = "repair" };
        _thread.Start();
    }

    public void Dispose()
    {
        _ending.Cancel();
        _thread.Join();
        _ending.Dispose();
    }

    private void Run()
    {
        do
        {
            _repair.Look();
        }
        while (!_ending.Token.WaitHandle.WaitOne(s_interval));
    }
}
