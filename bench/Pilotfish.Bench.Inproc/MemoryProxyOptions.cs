using Envoy.Config.Accesslog.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Bench.Inproc;

/// <summary>What a proxy in memory is built from.</summary>
internal sealed record MemoryProxyOptions
{
    public required NetAddress Backend { get; init; }

    /// <summary>Of the cluster that loggers send to; none has no such cluster.</summary>
    public NetAddress? Collector { get; init; }

    public int VirtualHosts { get; init; } = 1;

    public IReadOnlyList<AccessLog> Logs { get; init; } = [];

    /// <summary>Where file loggers write; needed when there are logs.</summary>
    public AccessLogFiles? Files { get; init; }
}
