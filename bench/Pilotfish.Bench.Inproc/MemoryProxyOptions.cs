using Envoy.Config.Accesslog.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>What a proxy in memory is built from.</summary>
internal sealed record MemoryProxyOptions
{
    public required NetAddress Backend { get; init; }

    /// <summary>Of the cluster that loggers send to; none has no such cluster.</summary>
    public NetAddress? Collector { get; init; }

    public int VirtualHosts { get; init; } = 1;

    /// <summary>Routes in front of the one that matches, in each virtual host.</summary>
    public int OtherRoutes { get; init; }

    /// <summary>What the others match: `prefix`, `regex` or `header`.</summary>
    public string OtherKind { get; init; } = "prefix";

    /// <summary>What serves at the other end of each upstream connection.</summary>
    public Action<IByteStream> Serve { get; init; } = Exchange.Serve;

    /// <summary>Room of the pipes to the client, and to the backend where that speaks HTTP/2.</summary>
    public int PipeBytes { get; init; } = Exchange.PipeBytes;

    /// <summary>HTTP/2 to the backend.</summary>
    public bool Http2Upstream { get; init; }

    public IReadOnlyList<AccessLog> Logs { get; init; } = [];

    /// <summary>Where file loggers write; needed when there are logs.</summary>
    public AccessLogFiles? Files { get; init; }
}
