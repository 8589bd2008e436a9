using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tcp;

/// <summary>What a client has sent, and how often it had to wait for its upstream. The connection's loop only.</summary>
internal sealed class ClientProgress(TcpProxyStats stats, StatCells cells) : TransferProgress
{
    public override void Pause() => cells.Add(stats.FlowPaused);

    public override void Resume() => cells.Add(stats.FlowResumed);
}
