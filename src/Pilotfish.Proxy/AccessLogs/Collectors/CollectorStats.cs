using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>access_logs.grpc_access_log.* and access_logs.open_telemetry_access_log.*: records taken and records lost.</summary>
internal sealed class CollectorStats(StatScope scope)
{
    public Counter Written { get; } = scope.Counter("logs_written");

    public Counter Dropped { get; } = scope.Counter("logs_dropped");
}
