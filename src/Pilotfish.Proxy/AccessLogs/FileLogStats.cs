using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>filesystem.*: what happened to records of files, over all of them.</summary>
internal sealed class FileLogStats(StatScope scope)
{
    public static string Prefix => "filesystem";

    /// <summary>Records that were taken. Workers count them.</summary>
    public Counter Buffered { get; } = scope.Counter("write_buffered");

    /// <summary>Records that found the buffers of a slow file full, which Envoy, whose buffers have no bound, does not know. Workers count them.</summary>
    public Counter Dropped { get; } = scope.Counter("write_dropped");

    public Counter Completed { get; } = scope.Counter("write_completed");

    public Counter Failed { get; } = scope.Counter("write_failed");

    public Counter FlushedByTimer { get; } = scope.Counter("flushed_by_timer");

    public Counter ReopenFailed { get; } = scope.Counter("reopen_failed");

    /// <summary>Bytes that wait to be written.</summary>
    public Gauge TotalBuffered { get; } = scope.Gauge("write_total_buffered");
}
