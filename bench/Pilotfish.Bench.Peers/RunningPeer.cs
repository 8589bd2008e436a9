using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>The process of a peer, or the two of a pair; the one started last is the one that is loaded.</summary>
internal sealed class RunningPeer(IPeer peer) : IDisposable
{
    private readonly List<PinnedProcess> _processes = [];

    public string Name => peer.Name;

    public TimeSpan WarmUp => peer.WarmUp;

    public int Port { get; private set; }

    public bool IsEmpty => _processes.Count == 0;

    /// <summary>False when the peer cannot do the mode, or does not listen in time.</summary>
    public bool Add(PeerSetup setup, string logFile)
    {
        if (peer.Configure(setup) is not { } start)
        {
            return false;
        }

        PinnedProcess process = PinnedProcess.Start(start, Bench.ProxyCore, logFile);
        _processes.Add(process);
        Port = setup.Port;
        return process.WaitForPort(setup.Port);
    }

    public bool WaitForAnswer(string host) => _processes[^1].WaitForAnswer(Port, host);

    public CpuTime Cpu()
    {
        CpuTime sum = default;
        _processes.ForEach(process => sum += process.Cpu());
        return sum;
    }

    public long ResidentKilobytes() => _processes.Sum(process => process.ResidentKilobytes());

    public void Dispose() => _processes.ForEach(process => process.Dispose());
}
